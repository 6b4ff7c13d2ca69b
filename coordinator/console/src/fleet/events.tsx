// Events, newest first: the severity as shape and word, the names in the text as links, and the time.
import type { EventGroup } from '@blackroad/protocol/event-groups';
import { Link, linkOptions } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { lookOf } from '../kit/looks.ts';
import { Empty } from '../kit/states.tsx';
import { Glyph } from '../kit/status.tsx';
import { namesIn } from './names-in.ts';
import { Time } from './time.tsx';

/** `about`: the subject of the page, which gets no links. */
export function EventList({ events, about }: { events: readonly EventGroup[]; about?: 'node' | 'agent' }) {
  if (events.length === 0) return <Empty title="Nothing has happened yet" />;
  return (
    <ul className="events">
      {events.map(({ id, atMs, node, agent, severity, text, agents }) => {
        const look = lookOf(severity);
        return (
          <li key={id}>
            <Glyph shape={look.shape} tone={look.tone} />
            <span className="sr-only">{severity}: </span>
            <span className="grow">
              {linked(text, about === 'node' ? null : node, about === 'agent' ? null : agent)}
              {agents && <Whom agents={agents} />}
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

const toNode = (node: string) => linkOptions({ to: '/nodes/$node', params: { node } });
const toAgent = (agent: string) => linkOptions({ to: '/agents/$agent', params: { agent } });
function linked(text: string, node: string | null, agent: string | null): ReactNode[] {
  return namesIn(text, node, agent).map(({ text: part, of }, i) =>
    of === null ? (
      part
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of one text do not move
      <Link key={i} {...(of === 'node' ? toNode(part) : toAgent(part))}>
        {part}
      </Link>
    ),
  );
}

const namesShown = 50;
function Whom({ agents }: { agents: readonly string[] }) {
  const more = agents.length - namesShown;
  return (
    <details className="small">
      <summary className="dim">Which</summary>
      <p className="row wrap">
        {agents.slice(0, namesShown).map((name) => (
          <Link key={name} to="/agents/$agent" params={{ agent: name }}>
            {name}
          </Link>
        ))}
        {more > 0 && <span className="dim">and {more} more</span>}
      </p>
    </details>
  );
}
