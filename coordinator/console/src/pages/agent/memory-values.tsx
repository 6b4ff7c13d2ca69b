// The values of an agent by key: what holds, since when and by whom; what a branch says otherwise; what waits for its node. A person sets, changes
// and ends them here.
import type { AgentView, MemoryValue, MemoryValues as Page } from '@blackroad/protocol';
import { maxKeyChars } from '@blackroad/protocol/memory-key';
import { valueByWords, waitsInWords } from '@blackroad/protocol/memory-words';
import { useInfiniteQuery } from '@tanstack/react-query';
import { ChevronDown, Pencil, Plus, Trash2 } from 'lucide-react';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { type ApiProblem, call } from '../../data/api.ts';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { TextArea, TextField } from '../../kit/field.tsx';
import { Panel } from '../../kit/layout.tsx';
import { ConfirmButton, Dialog } from '../../kit/overlay.tsx';
import { Failure, Fault } from '../../kit/states.tsx';
import { wordsOf } from '../../kit/words.ts';
import { TakeBack } from './take-back.tsx';

const againMs = 2_000;
const perPage = 100;
const stales = ['memoryValues', 'audit'] as const;

function useValues(agent: string) {
  return useInfiniteQuery<Page, ApiProblem, { pages: Page[] }, unknown[], string>({
    queryKey: ['memoryValues', agent],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: perPage, ...(pageParam === '' ? {} : { after: pageParam }) };
      return call('memoryValues', { params: { agent }, query, signal });
    },
    initialPageParam: '',
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: ({ state }) =>
      state.data?.pages.some(({ values }) => values.some(({ waiting }) => waiting.length > 0)) ? againMs : false,
  });
}

export function MemoryValues({ agent: { name, memory } }: { agent: AgentView }) {
  const may = useMay();
  const read = useValues(name);
  const { refetch } = read;
  // The agent sets values by itself: its log says when something came.
  const seen = useRef(memory.seq);
  useEffect(() => {
    if (seen.current !== memory.seq) void refetch();
    seen.current = memory.seq;
  }, [memory.seq, refetch]);
  const values = read.data?.pages.flatMap((page) => page.values) ?? [];
  return (
    <Panel
      title="Values"
      aside={
        <>
          <span className="dim small">what it looks up exactly, by a key</span>
          {may('memorySet') && <SetValue agent={name} />}
        </>
      }
    >
      {read.error && !read.data && <Failure error={read.error} retry={read.refetch} />}
      {values.length > 0 && (
        <ul className="value-list" aria-label={`Values of ${name}`}>
          {values.map((value) => (
            <Row key={value.key} agent={name} value={value} mayChange={may('memorySet')} />
          ))}
        </ul>
      )}
      {read.data && values.length === 0 && <p className="dim">It has none.</p>}
      {read.hasNextPage && (
        <Button
          look="quiet"
          icon={<ChevronDown />}
          busy={read.isFetchingNextPage}
          onClick={() => void read.fetchNextPage()}
        >
          More
        </Button>
      )}
    </Panel>
  );
}

function Row({ agent, value, mayChange }: { agent: string; value: MemoryValue; mayChange: boolean }) {
  const { key, text, entry, others, waiting } = value;
  return (
    <li className="stack tight">
      <div className="row wrap">
        <strong className="grow value-text">{key}</strong>
        {entry && (
          <span className="dim small">
            <Time at={entry.createdAt} /> {valueByWords(entry)}
          </span>
        )}
        {mayChange && <Change agent={agent} value={value} />}
      </div>
      {text !== null && <p className="value-text">{text}</p>}
      {others.map((other) => (
        <p key={other.hash} className="warn small value-text">
          But {valueByWords(other)} it was {other.text === null ? 'unset' : `set to “${other.text}”`}. Set it again to
          settle that.
        </p>
      ))}
      {waiting.map((order) => (
        <div key={order.id} className="row wrap dim small">
          <span className="value-text">
            {order.text === null ? 'To be unset' : `To be set to “${order.text}”`}, by {order.by}: {waitsInWords(order)}
          </span>
          {mayChange && <TakeBack agent={agent} id={order.id} of={key} />}
        </div>
      ))}
    </li>
  );
}

function Change({ agent, value: { key, text, others, waiting } }: { agent: string; value: MemoryValue }) {
  const unset = useAct('memoryUnset', { stales: [...stales], done: (value) => toldOf(value, 'unset') });
  const last = waiting.at(-1);
  const isEnding = last ? last.text === null : text === null && others.length === 0;
  return (
    <span className="row">
      <SetValue agent={agent} value={{ key, text: last ? (last.text ?? '') : (text ?? '') }} />
      {!isEnding && (
        <ConfirmButton
          look="quiet"
          icon={<Trash2 />}
          title={`Unset ${key}?`}
          text={`${agent} finds nothing under this key then. What it had stays in the log until you erase it there.`}
          verb="Unset it"
          act={() => unset.run({ params: { agent, key } })}
          aria-label={`Unset ${key}`}
        />
      )}
    </span>
  );
}

function toldOf({ key, waiting }: MemoryValue, done: string): string {
  const order = waiting.at(-1);
  if (!order) return `${key} is ${done}.`;
  return order.waits === 'sent' ? `${order.node} writes it.` : `It waits: ${waitsInWords(order)}.`;
}

function SetValue({ agent, value }: { agent: string; value?: { key: string; text: string } }) {
  const [open, setOpen] = useState(false);
  const [fault, setFault] = useState('');
  const set = useAct('memorySet', { stales: [...stales], done: (now) => toldOf(now, 'set') });
  const change = (now: boolean) => {
    setOpen(now);
    setFault('');
  };
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const key = value?.key ?? String(given.get('key')).trim();
    // A form has line ends of two characters.
    const text = String(given.get('text')).replaceAll('\r\n', '\n');
    try {
      await set.run({ params: { agent, key }, body: { text } });
      change(false);
    } catch (error) {
      setFault(wordsOf(error));
    }
  };
  return (
    <>
      {value ? (
        <Button look="quiet" icon={<Pencil />} aria-label={`Change ${value.key}`} onClick={() => change(true)} />
      ) : (
        <Button icon={<Plus />} onClick={() => change(true)}>
          Set a value
        </Button>
      )}
      <Dialog
        open={open}
        onOpenChange={change}
        title={value ? `Change ${value.key}` : `Set a value of ${agent}`}
        text="Its node writes it into its log; until then it waits, and the value before holds."
      >
        <form className="stack" onSubmit={submit}>
          {!value && <TextField label="Key" name="key" required maxLength={maxKeyChars} autoComplete="off" />}
          <TextArea label="Value" name="text" required maxLength={8_000} defaultValue={value?.text} />
          <Fault text={fault} />
          <footer className="row end">
            <Button type="submit" look="primary" busy={set.isPending}>
              Set it
            </Button>
          </footer>
        </form>
      </Dialog>
    </>
  );
}
