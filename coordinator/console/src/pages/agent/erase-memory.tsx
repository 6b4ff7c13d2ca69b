// Erases one memory: the dialog asks the coordinator what would go with it, and shows that before anything goes.
import type { EraseAnswer } from '@blackroad/protocol';
import { Eraser } from 'lucide-react';
import { useState } from 'react';
import { useAct } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { kindInWords } from '../../fleet/memory-kinds.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/overlay.tsx';
import { Failure, Loading } from '../../kit/states.tsx';
import { plural } from '../../kit/words.ts';

export function EraseMemory({ agent, seq }: { agent: string; seq: number }) {
  const may = useMay();
  const [open, setOpen] = useState(false);
  const [failed, setFailed] = useState<Error | null>(null);
  const look = useAct('memoryErase');
  const erase = useAct('memoryErase', {
    stales: ['memoryLog', 'memorySearch', 'memoryErasures', 'audit'],
    done: ({ entries }) => `${plural(entries, 'memory')} erased.`,
  });
  if (!may('memoryErase')) return null;
  const params = { agent };
  const change = (now: boolean) => {
    setOpen(now);
    setFailed(null);
    look.reset();
    if (now) look.run({ params, body: { seqs: [seq], dryRun: true } }).catch(setFailed);
  };
  const shown = look.data;
  return (
    <>
      <Button look="quiet" icon={<Eraser />} onClick={() => change(true)}>
        Erase
      </Button>
      <Dialog
        open={open}
        onOpenChange={change}
        title={`Erase memory ${seq} of ${agent}?`}
        text="Its content, salt and vector go for good, here and on every node that has it, with all that was made of it. Its place in the chain stays, so the log still verifies."
      >
        {failed ? (
          <Failure error={failed} />
        ) : shown ? (
          <WhatGoes of={shown} />
        ) : (
          <Loading lines={3} label="Looking for what goes with it" />
        )}
        <footer className="row end">
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button
            look="danger"
            busy={erase.isPending}
            disabled={!shown || shown.entries === 0}
            onClick={() => erase.mutate({ params, body: { seqs: [seq] } }, { onSuccess: () => change(false) })}
          >
            Erase {shown ? plural(shown.entries, 'memory') : ''}
          </Button>
        </footer>
      </Dialog>
    </>
  );
}

const whyWords = { asked: '', derived: ', made of it', copy: ', the same words in a branch' } as const;

function WhatGoes({ of: { entries, memories, nodes, tasks } }: { of: EraseAnswer }) {
  return (
    <div className="stack">
      <ul className="stack">
        {memories.map(({ hash, agent, seq, kind, why, text }) => (
          <li key={hash}>
            <span className="small dim">
              {agent} #{seq}, {kindInWords(kind)}
              {whyWords[why]}
            </span>
            <br />
            {text}
          </li>
        ))}
      </ul>
      {entries > memories.length && <p>… and {entries - memories.length} more.</p>}
      <p className="small dim">
        {nodes.length > 0 && `On ${nodes.join(', ')}: each confirms it, and the page Memory shows who has not. `}
        {tasks.length > 0 && 'The task that it came from keeps what was asked and answered until tasks are pruned. '}
        Backups that were made before have it still.
      </p>
    </div>
  );
}
