// The queue of the whole fleet, live: waiting, running and ended tasks; dead letters apart, to be examined and retried. The filter is in
// the address.
import type { TaskState } from '@blackroad/protocol';
import { ListChecks, MailX, X } from 'lucide-react';
import { useMemo } from 'react';
import { useTotals } from '../../data/live.ts';
import { useMay } from '../../data/session.tsx';
import type { TaskFilter } from '../../data/task-rows.ts';
import { useAddress } from '../../kit/address.ts';
import { Button, LinkButton } from '../../kit/button.tsx';
import { PageHead, Panel, Stat } from '../../kit/layout.tsx';
import { wordOf } from '../../kit/looks.ts';
import { Empty } from '../../kit/states.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { count } from '../../kit/words.ts';
import { DeadLetters } from './dead-letters.tsx';
import { TasksTable } from './tasks-table.tsx';

const states: readonly TaskState[] = ['queued', 'leased', 'running', 'done', 'failed', 'cancelled', 'expired'];

export default function TasksPage() {
  const may = useMay();
  const totals = useTotals();
  const [state, setState] = useAddress('/tasks', 'state');
  const [agent, setAgent] = useAddress('/tasks', 'agent');
  const [node, setNode] = useAddress('/tasks', 'node');
  const [dead, setDead] = useAddress('/tasks', 'dead');
  const filter = useMemo<TaskFilter>(
    () => ({
      ...(state ? { state } : {}),
      ...(agent ? { agent } : {}),
      ...(node ? { node } : {}),
      ...(dead === 'true' ? { dead: true } : {}),
    }),
    [state, agent, node, dead],
  );
  const narrowed = Boolean(state || agent || node);
  return (
    <div className="page-stack">
      <PageHead title="Tasks" />
      {totals && (
        <Panel>
          <div className="stats">
            <Stat name="Waiting" value={count(totals.tasks.queued)} />
            <Stat name="Running" value={count(totals.tasks.running)} />
            <Stat name="Ended in the last minute" value={count(totals.tasks.endedLastMinute)} />
            <Stat name="Dead letters" value={count(totals.tasks.deadLetters)} />
          </div>
        </Panel>
      )}
      <Panel bare>
        <div className="tasks-filter">
          <Choice
            label="Which tasks"
            value={dead === 'true' ? 'dead' : 'all'}
            options={[
              ['all', 'All'],
              ['dead', 'Dead letters'],
            ]}
            onValue={(which) => setDead(which === 'dead' ? 'true' : '')}
          />
          <select
            className="input facet"
            aria-label="State"
            value={state}
            onChange={(event) => setState(event.target.value as TaskState | '')}
          >
            <option value="">State: all</option>
            {(dead === 'true' ? (['failed', 'expired'] as const) : states).map((each) => (
              <option key={each} value={each}>
                {wordOf(each)}
              </option>
            ))}
          </select>
          {filter.dead && may('taskRetry') && <span className="dim small">Select tasks to retry or dismiss them.</span>}
          {agent && <Narrowed name="agent" value={agent} clear={() => setAgent('')} />}
          {node && <Narrowed name="node" value={node} clear={() => setNode('')} />}
        </div>
        <TasksTable
          page="/tasks"
          key={JSON.stringify(filter)}
          filter={filter}
          {...(filter.dead && may('taskRetry')
            ? { bulk: (selected, clear) => <DeadLetters tasks={selected} clear={clear} /> }
            : {})}
          empty={<Nothing dead={filter.dead === true} narrowed={narrowed} />}
        />
      </Panel>
    </div>
  );
}

function Narrowed({ name, value, clear }: { name: string; value: string; clear(): void }) {
  return (
    <Button icon={<X />} onClick={clear} aria-label={`Of ${name} ${value} only; show all`}>
      {name} {value}
    </Button>
  );
}

function Nothing({ dead, narrowed }: { dead: boolean; narrowed: boolean }) {
  if (dead) {
    return (
      <Empty title="No dead letter" icon={<MailX />}>
        <p>A task that failed for good, or whose time was up, is kept here to be looked at and asked again.</p>
      </Empty>
    );
  }
  if (narrowed) return <Empty title="No task fits the filter" />;
  return (
    <Empty title="Nothing was asked yet" icon={<ListChecks />}>
      <p>A task is one unit of work for one agent: a message, a trigger, a call of the API.</p>
      <LinkButton to="/agents">To the agents</LinkButton>
    </Empty>
  );
}
