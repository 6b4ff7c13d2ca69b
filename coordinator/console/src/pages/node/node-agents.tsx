// The agents placed on a node, with their states.
import type { NodeView } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { useAgents } from '../../data/live.ts';
import { Panel } from '../../kit/layout.tsx';
import { Empty } from '../../kit/states.tsx';
import { Status } from '../../kit/status.tsx';
import { plural } from '../../kit/words.ts';

/** A GPU box may hold thousands: the table of agents has them all. */
const shown = 200;

export function NodeAgents({ node }: { node: NodeView }) {
  const { rows } = useAgents();
  return (
    <Panel title="Agents" bare>
      {node.agents.length === 0 ? (
        <Empty title="No agent is placed here">
          <p>
            {node.cordoned
              ? 'It is cordoned: nothing new is placed on it.'
              : 'Placement puts agents where they fit best.'}
          </p>
        </Empty>
      ) : (
        <ul className="agent-rows">
          {node.agents.slice(0, shown).map((name) => {
            const agent = rows.get(name);
            return (
              <li key={name}>
                <span className="name">
                  <Link to="/agents/$agent" params={{ agent: name }}>
                    {name}
                  </Link>
                </span>
                {agent && <Status of={agent.state} />}
                {agent?.model && <code className="dim cut">{agent.model}</code>}
                <span className="grow" />
                {agent && agent.running + agent.waiting > 0 && (
                  <span className="dim small">
                    {agent.running} running, {plural(agent.waiting, 'task')} waiting
                  </span>
                )}
              </li>
            );
          })}
          {node.agents.length > shown && <li className="dim">and {node.agents.length - shown} more</li>}
        </ul>
      )}
    </Panel>
  );
}
