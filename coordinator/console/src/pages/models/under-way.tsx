// What is being fetched or loaded, as the agents that wait for it tell, and how the last fetches ended.
import { Link } from '@tanstack/react-router';
import { useAgents, useEvents } from '../../data/live.ts';
import { Panel } from '../../kit/layout.tsx';
import { Status } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';

const waitingShown = 8;
const endedShown = 5;

export function UnderWay() {
  const agents = useAgents();
  const events = useEvents();
  const waiting = agents.list.filter(
    ({ state, text }) => state === 'starting' && text !== null && /fetch|load/i.test(text),
  );
  const ended = events.list
    .filter(({ type }) => type === 'model-pulled' || type === 'model-pull-failed')
    .slice(-endedShown)
    .reverse();
  if (waiting.length + ended.length === 0) return null;
  return (
    <Panel title="Being fetched or loaded" bare>
      <ul className="models-rows">
        {waiting.slice(0, waitingShown).map(({ name, node, text }) => {
          const share = /(\d+) %/.exec(text ?? '')?.[1];
          return (
            <li key={name}>
              <Status of="starting" word={text ?? ''} />
              <span className="grow dim small">
                on {node}, for{' '}
                <Link to="/agents/$agent" params={{ agent: name }}>
                  {name}
                </Link>
              </span>
              {share !== undefined && (
                <span className="bar models-progress" aria-hidden="true">
                  <span style={{ width: `${share}%` }} />
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
