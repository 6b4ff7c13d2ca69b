// Who may write and read which topic, derived from the topic table alone; the ACL files for other brokers come from the same table.
// Pure. In: who a connection is, and a topic or filter. Out: yes or no. It must never grant what the table does not name.
import { isPrivate, mayDo, parseTopic, peopleReadNeeds, type TopicRow, topicRoot, topics } from '@blackroad/protocol';
import type { Admitted } from '../fleet/gate.ts';

export type Who = Exclude<Admitted, { as: 'refused' }>;

/** The row under which `who` may publish on `topic`, or null. */
export function mayPublish(who: Who, topic: string): TopicRow | null {
  const parsed = parseTopic(topic);
  if (!parsed) return null;
  const row: TopicRow = topics[parsed.name];
  // [INV-own-topics]
  if (who.as === 'node') return row.writer === 'node' && parsed.params.node === who.node ? row : null;
  return row.needs !== undefined && mayDo(who.by.roles, row.needs) ? row : null;
}

/** A will speaks for its sender when it cannot: a node's may only say its state. */
export function mayWill(who: Who, topic: string): TopicRow | null {
  const row = mayPublish(who, topic);
  return who.as === 'node' && row !== topics.nodeState ? null : row;
}

/** Patterns a node reads: its commands, and what is said to all. */
const nodeReads = Object.values(topics)
  .filter(({ writer, pattern }) => writer === 'coordinator' && (pattern.includes('{node}') || !pattern.includes('{')))
  .map(({ pattern }) => pattern);

/** Asked for each copy that a wide filter would bring. */
export function mayRead(who: Who, topic: string): boolean {
  return who.as === 'node' || (mayDo(who.by.roles, peopleReadNeeds) && !isPrivate(topic));
}

export function maySubscribe(who: Who, filter: string): boolean {
  if (who.as === 'people') {
    // `#` shows no more than the root does: nothing else is ever published on this broker, and `$SYS` needs its own filter.
    // What is private is left out of what a wider filter brings, and a filter for it alone is refused.
    if (!mayDo(who.by.roles, peopleReadNeeds) || isPrivate(filter)) return false;
    return filter === '#' || filter === topicRoot || filter.startsWith(`${topicRoot}/`);
  }
  if (!filter.startsWith(`${topicRoot}/`)) return false;
  const wanted = filter.slice(topicRoot.length + 1).split('/');
  // `cmd/alice/+` and `cmd/alice/#` reach no further than the rows do: nobody may write anything else there.
  return nodeReads.some((pattern) => {
    const levels = pattern.split('/').map((level) => (level === '{node}' ? who.node : level));
    const bound = pattern.split('/').indexOf('{node}');
    const fixed = bound >= 0 ? bound + 1 : levels.length;
    if (wanted.length > levels.length) return false;
    return levels.every((level, i) => {
      const asked = wanted[i];
      if (i < fixed) return asked === level;
      return asked === level || asked === '+' || (asked === '#' && i === wanted.length - 1);
    });
  });
}
