// Runs of consolidation: what each found, and its undo. A run is begun here for one agent, and shown before it is written.
import type { MemoryRun, RunResult } from '@blackroad/protocol';
import { countsInWords, markInWords, runStateInWords } from '@blackroad/protocol/memory-words';
import { Link } from '@tanstack/react-router';
import { Combine } from 'lucide-react';
import { useState } from 'react';
import { useAgents } from '../../data/live.ts';
import { useAct, useRoute } from '../../data/query.ts';
import { useMay } from '../../data/session.tsx';
import { Time } from '../../fleet/time.tsx';
import { Button } from '../../kit/button.tsx';
import { Panel } from '../../kit/layout.tsx';
import { ConfirmButton, Dialog } from '../../kit/overlay.tsx';
import { type PlainColumn, PlainTable } from '../../kit/plain-table.tsx';
import { Empty, Failure, Loaded, Loading } from '../../kit/states.tsx';
import { Status, Tag } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';

const againMs = 15_000;
const stales = ['memoryRuns', 'memoryRun', 'memorySearch', 'memoryLog', 'audit'] as const;
const looks = { writing: 'queued', written: 'ready', undoing: 'queued', undone: 'cancelled' } as const;

export function MemoryRuns() {
  const runs = useRoute('memoryRuns', { query: {} }, { refetchInterval: againMs });
  const [open, setOpen] = useState<string | null>(null);
  return (
    <div className="stack">
      <NewRun />
      <Loaded of={runs}>
        {(list) =>
          list.length === 0 ? (
            <Panel>
              <Empty title="No memory was consolidated" icon={<Combine />}>
                <p>
                  A run marks what is remembered twice and what was replaced, so that answers use what holds now; a
                  model of the fleet may sum up the rest. Nothing is changed or removed, and each run can be taken back.
                  With <code>--consolidate 02:00-05:00</code> the coordinator does it by itself at night.
                </p>
              </Empty>
            </Panel>
          ) : (
            <Panel title={plural(list.length, 'run')} bare>
              <PlainTable label="Runs" columns={columnsOf(setOpen)} rows={list} rowId={({ id }) => id} />
            </Panel>
          )
        }
      </Loaded>
      <RunDialog id={open} close={() => setOpen(null)} />
    </div>
  );
}

const columnsOf = (open: (id: string) => void): PlainColumn<MemoryRun>[] => [
  {
    title: 'Agent',
    cell: ({ agent }) => (
      <Link to="/agents/$agent" params={{ agent }}>
        {agent}
      </Link>
    ),
  },
  {
    title: 'Found',
    cell: ({ id, counts }) => (
      <Button look="quiet" onClick={() => open(id)}>
        {countsInWords(counts)}
      </Button>
    ),
  },
  { title: 'Of', align: 'end', cell: ({ entries }) => plural(entries, 'memory') },
  { title: 'Model', cell: ({ model }) => model ?? 'words and vectors' },
  { title: 'By', cell: ({ by }) => by },
  { title: 'When', cell: ({ atMs }) => <Time at={atMs} /> },
  { title: 'State', cell: (run) => <Status of={looks[run.state]} word={runStateInWords(run)} /> },
  { title: '', cell: (run) => <Undo run={run} /> },
];

function Undo({ run: { id, agent, state } }: { run: MemoryRun }) {
  const may = useMay();
  const undo = useAct('memoryRunUndo', { stales: [...stales], done: () => 'The run is taken back.' });
  if (!may('memoryRunUndo') || state === 'undoing' || state === 'undone') return null;
  return (
    <ConfirmButton
      title={`Take this run of ${agent} back?`}
      text="Its marks count no more, and what it wrote is erased as the node of the agent writes that. The memories it was about stay as they are."
      verb="Take it back"
      look="plain"
      act={() => undo.run({ params: { run: id } })}
    >
      Undo
    </ConfirmButton>
  );
}

function RunDialog({ id, close }: { id: string | null; close(): void }) {
  const found = useRoute('memoryRun', { params: { run: id ?? '' } }, { enabled: id !== null });
  return (
    <Dialog
      open={id !== null}
      onOpenChange={(now) => !now && close()}
      title="What the run found"
      text="Each is an entry of its own in the log of the agent."
    >
      {found.error ? (
        <Failure error={found.error} />
      ) : found.data ? (
        <Results of={found.data.results} />
      ) : (
        <Loading lines={3} label="Reading what it found" />
      )}
    </Dialog>
  );
}

function Results({ of }: { of: readonly RunResult[] }) {
  if (of.length === 0) return <p className="dim">Nothing is remembered twice, and nothing was replaced.</p>;
  return (
    <ul className="stack">
      {of.map(({ how, model, sources, text }) => (
        <li key={`${how} ${sources.map(({ seq }) => seq).join(' ')}`} className="stack">
          <span className="row wrap">
            <Tag>{markInWords(how)}</Tag>
            {model !== null && <span className="dim small">found by {model}</span>}
          </span>
          {text !== undefined && <span>{text || '(erased)'}</span>}
          <ul className="dim small">
            {sources.map(({ seq, text: told }) => (
              <li key={seq}>
                <code>{seq}</code> {told || '(erased)'}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}

/** Shows what a run would write before it does. */
function NewRun() {
  const may = useMay();
  const { list } = useAgents();
  const [agent, setAgent] = useState('');
  const [model, setModel] = useState('');
  const [failed, setFailed] = useState<Error | null>(null);
  const [open, setOpen] = useState(false);
  const look = useAct('memoryConsolidate');
  const write = useAct('memoryConsolidate', {
    stales: [...stales],
    done: ({ run }) => (run ? `Its node writes ${plural(run.results, 'result')}.` : 'There was nothing to write.'),
  });
  if (!may('memoryConsolidate')) return null;
  const of = { params: { agent }, body: model.trim() === '' ? {} : { model: model.trim() } };
  const change = (now: boolean) => {
    setOpen(now);
    setFailed(null);
    look.reset();
    if (now) look.run({ ...of, body: { ...of.body, dryRun: true } }).catch(setFailed);
  };
  const shown = look.data;
  return (
    <div className="row wrap">
      <select
        className="input facet"
        aria-label="Agent"
        value={agent}
        onChange={({ target }) => setAgent(target.value)}
      >
        <option value="">an agent</option>
        {list.map(({ name }) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <input
        className="input facet"
        aria-label="Model"
        placeholder="without a model"
        value={model}
        autoComplete="off"
        spellCheck={false}
        onChange={({ target }) => setModel(target.value)}
      />
      <Button icon={<Combine />} disabled={agent === ''} onClick={() => change(true)}>
        Consolidate
      </Button>
      <Dialog
        open={open}
        onOpenChange={change}
        title={`Consolidate the memory of ${agent}?`}
        text="This is what a run finds now. It is written as entries of their own; nothing is changed or removed, and the run can be taken back."
      >
        {failed ? (
          <Failure error={failed} />
        ) : shown ? (
          <Results of={shown.results} />
        ) : (
          <Loading lines={3} label="Looking through the newest memories" />
        )}
        <footer className="row end">
          <Button onClick={() => change(false)}>Cancel</Button>
          <Button
            look="primary"
            busy={write.isPending}
            disabled={!shown?.shown}
            onClick={() =>
              shown?.shown &&
              write.mutate({ params: { agent }, body: { shown: shown.shown } }, { onSuccess: () => setOpen(false) })
            }
          >
            Write {shown ? plural(shown.results.length, 'result') : ''}
          </Button>
        </footer>
      </Dialog>
    </div>
  );
}
