// The number of agents in each state, as one bar and in words.
import type { AgentLine } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Panel } from '../../kit/layout.tsx';
import { lookOf } from '../../kit/looks.ts';
import { Empty } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { count, percent, plural } from '../../kit/words.ts';

const order = ['ready', 'hydrating', 'starting', 'placed', 'waiting', 'unplaced', 'failed'];

export function AgentStates({ agents }: { agents: readonly AgentLine[] }) {
  const states = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { state } of agents) counts.set(state, (counts.get(state) ?? 0) + 1);
    return order.flatMap((state) => (counts.has(state) ? [[state, counts.get(state) as number] as const] : []));
  }, [agents]);
  return (
    <Panel title="Agents" aside={<span className="dim small">{plural(agents.length, 'agent')}</span>}>
      {agents.length === 0 ? (
        <Empty title="No agent yet" />
      ) : (
        <div className="stack">
          <div className="split" aria-hidden="true">
            {states.map(([state, n]) => (
              <span key={state} className={lookOf(state).tone} style={{ flexGrow: n }} />
            ))}
          </div>
          <ul className="legend">
            {states.map(([state, n]) => (
              <li key={state}>
                <Status of={state} />
                <span className="figure">{count(n)}</span>
                <span className="dim small">{percent(n / agents.length)}</span>
                <Link to="/agents" search={{ state }} className="small">
                  show<span className="sr-only"> agents that are {state}</span>
                </Link>
              </li>
            ))}
          </ul>
        </div>
      )}
    </Panel>
  );
}
