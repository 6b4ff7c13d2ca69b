// The models that are being fetched or loaded, as the waiting agents report, and the results of the last fetches.
import { Link } from '@tanstack/react-router';
import { useAgents, useEvents, useNode, useNodes } from '../../data/live.ts';
import { NodeFetches } from '../../fleet/node-fetches.tsx';
import { Time } from '../../fleet/time.tsx';
import { Panel } from '../../kit/layout.tsx';
import { Status } from '../../kit/status.tsx';

const waitingShown = 8;
const endedShown = 5;

/** Nodes without a model may be at fetching their first; a few of them are asked how far. */
const nodesAsked = 6;

export function UnderWay({ asked }: { asked: readonly string[] | null }) {
  const agents = useAgents();
  const nodes = useNodes();
  const without = nodes.list.filter(({ condition }) => condition?.code === 'no-model').map(({ id }) => id);
  // The cards show the fetches of each model themselves.
  const fetching = asked === null ? [] : [...new Set([...asked, ...without])].slice(0, nodesAsked);
  const events = useEvents();
  const waiting = agents.list.filter(
    ({ reasonCode }) => reasonCode === 'model-queued' || reasonCode === 'model-fetching',
  );
  const ended = events.list
    .filter(({ type }) => type === 'model-pulled' || type === 'model-pull-failed')
    .slice(-endedShown)
    .reverse();
  if (waiting.length + ended.length + fetching.length === 0) return null;
  return (
    <Panel title="Being fetched or loaded" bare>
      {fetching.map((id) => (
        <OfNode key={id} id={id} />
      ))}
      <ul className="models-rows">
        {waiting.slice(0, waitingShown).map(({ name, node, text, progress }) => {
          return (
            <li key={name}>
              <Status of="starting" word={text ?? ''} />
              <span className="grow dim small">
                on {node}, for{' '}
                <Link to="/agents/$agent" params={{ agent: name }}>
                  {name}
                </Link>
              </span>
              {progress !== undefined && (
                <span className="bar models-progress" aria-hidden="true">
                  <span style={{ width: `${progress * 100}%` }} />
                </span>
              )}
            </li>
          );
        })}
        {waiting.length > waitingShown && (
          <li className="dim small">and {waiting.length - waitingShown} more agents wait for a model</li>
        )}
        {ended.map(({ id, atMs, node, type, text }) => (
          <li key={id}>
            <Status
              of={type === 'model-pulled' ? 'fine' : 'error'}
              word={type === 'model-pulled' ? 'fetched' : 'failed'}
            />
            <span className="grow">
              {node && (
                <Link to="/nodes/$node" params={{ node }}>
                  {node}
                </Link>
              )}{' '}
              {text}
            </span>
            <span className="dim small">
              <Time at={atMs} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function OfNode({ id }: { id: string }) {
  const { row } = useNode(id);
  if (row === null || (row.capacity?.fetches ?? []).length === 0) return null;
  return (
    <div className="models-fetches">
      <NodeFetches node={row} named />
    </div>
  );
}
