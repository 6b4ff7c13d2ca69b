// A memory that a person gives to an agent, and those that wait until its node has written them.
import type { MemoryAddition } from '@blackroad/protocol';
import { givenKinds, waitsInWords } from '@blackroad/protocol/memory-words';
import { Plus } from 'lucide-react';
import { type FormEvent, useState } from 'react';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { SelectField, TextArea, TextField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Fault } from '../../kit/states.tsx';
import { plural, wordsOf } from '../../kit/words.ts';
import { TakeBack } from './take-back.tsx';

const againMs = 3_000;

export function GiveMemory({ agent }: { agent: string }) {
  const may = useMay();
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState('');
  const add = useAct('memoryAdd', {
    stales: ['memoryWaiting', 'audit'],
    done: (given) => (given.waits === 'sent' ? `${agent} is given it.` : `It waits: ${waitsInWords(given)}.`),
  });
  if (!may('memoryAdd')) return null;
  const change = (now: boolean) => {
    setOpen(now);
    setFault('');
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const tags = String(given.get('tags'))
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== '');
    try {
      const kind = given.get('kind') as NonNullable<MemoryAddition['kind']>;
      await add.run({ params: { agent }, body: { text: String(given.get('text')), kind, tags } });
      change(false);
    } catch (error) {
      setFault(wordsOf(error));
    }
  };
  return (
    <>
      <Button icon={<Plus />} onClick={() => change(true)}>
        Give it a memory
      </Button>
      <Dialog
        open={open}
        onOpenChange={change}
        title={`Give ${agent} a memory`}
        text="Its node writes it into its log; until then it waits here."
      >
        <form className="stack" onSubmit={submit}>
          <TextArea label="What it should remember" name="text" required maxLength={8_000} />
          <SelectField label="Kind" name="kind" options={givenKinds} />
          <TextField label="Tags" name="tags" hint="With commas between them." />
          <Fault text={fault} />
          <footer className="row end">
            <Button type="submit" look="primary" busy={add.isPending}>
              Give it
            </Button>
          </footer>
        </form>
      </Dialog>
    </>
  );
}

export function MemoryWaiting({ agent }: { agent: string }) {
  const may = useMay();
  const waiting = useRoute(
    'memoryWaiting',
    { params: { agent } },
    { refetchInterval: ({ state }) => (state.data?.length ? againMs : false) },
  );
  // Values wait in their own list.
  const list = (waiting.data ?? []).filter(({ kind }) => kind !== 'value');
  if (list.length === 0) return null;
  return (
    <Panel title={`${plural(list.length, 'memory')} to be written`}>
      <ul className="stack">
        {list.map((given) => (
          <li key={given.id} className="row wrap">
            <span className="grow">{given.text}</span>
            <span className="dim small">
              {given.kind}, <Time at={given.givenMs} /> by {given.by}: {waitsInWords(given)}
            </span>
            {may('memoryTakeBack') && <TakeBack agent={agent} id={given.id} />}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
