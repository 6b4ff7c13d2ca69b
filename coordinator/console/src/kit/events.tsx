// What happened, newest first: severity as shape and word, who, when.
import type { FleetEvent } from '@blackroad/protocol';
import { Link } from '@tanstack/react-router';
import { lookOf } from './looks.ts';
import { Empty } from './states.tsx';
import { Glyph } from './status.tsx';
import { Time } from './time.tsx';

export function EventList({ events, about }: { events: readonly FleetEvent[]; about?: 'node' | 'agent' }) {
  if (events.length === 0) return <Empty title="Nothing has happened yet" />;
  return (
    <ul className="events">
      {events.map(({ id, atMs, node, agent, severity, text }) => {
        const look = lookOf(severity);
        return (
          <li key={id}>
            <Glyph shape={look.shape} tone={look.tone} />
            <span className="sr-only">{severity}: </span>
            <span className="grow">
              {node && about !== 'node' && (
                <Link to="/nodes/$node" params={{ node }}>
                  {node}
                </Link>
              )}{' '}
              {agent && about !== 'agent' && (
                <Link to="/agents/$agent" params={{ agent }}>
                  {agent}
                </Link>
              )}{' '}
              {text}
            </span>
            <span className="dim small">
              <Time at={atMs} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}
