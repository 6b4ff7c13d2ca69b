// The rights to write and read topics, derived from the topic table alone; the ACL files for other brokers are made from the same table.
// Pure. In: the sender or reader, and a topic or filter. Out: yes or no. It must never grant what the table does not name.
import {
  birthRow,
  birthTopic,
  isPrivate,
  mayDo,
  parseTopic,
  peopleReadNeeds,
  type TopicRow,
  topicRoot,
  topics,
} from '@blackroad/protocol';
import type { Admitted } from '../fleet/gate.ts';

export type Who = Exclude<Admitted, { as: 'refused' }>;

/** The row under which `who` may publish on `topic`, or null. `prefix`: below which Home Assistant discovers devices; null or missing: nowhere. */
export function mayPublish(who: Who, topic: string, prefix?: string | null): TopicRow | null {
  if (prefix && topic === birthTopic(prefix))
    return who.as === 'people' && mayDo(who.by.roles, peopleReadNeeds) ? birthRow : null;
  const parsed = parseTopic(topic);
  if (!parsed) return null;
  const row: TopicRow = topics[parsed.name];
  // [INV-own-topics]
  if (who.as === 'node') return row.writer === 'node' && parsed.params.node === who.node ? row : null;
  return row.needs !== undefined && mayDo(who.by.roles, row.needs) ? row : null;
}

/** The will of a node may only have its state. */
export function mayWill(who: Who, topic: string, prefix?: string | null): TopicRow | null {
  const row = mayPublish(who, topic, prefix);
  return who.as === 'node' && row !== topics.nodeState ? null : row;
}

/** The patterns that a node reads: its commands, and messages to all. */
const nodeReads = Object.values(topics)
  .filter(({ writer, pattern }) => writer === 'coordinator' && (pattern.includes('{node}') || !pattern.includes('{')))
  .map(({ pattern }) => pattern);

/** The beginning of the topics of answers that one key alone reads. */
export const responsePrefix = `${topicRoot}/${topics.response.pattern.split('{')[0]}`;
const ownResponses = (who: Who & { as: 'people' }) => `${responsePrefix}${who.keyId}/`;

/** Called for each copy of a message that a wide filter matches. */
export function mayRead(who: Who, topic: string): boolean {
  if (who.as === 'node') return true;
  if (topic.startsWith(responsePrefix)) return topic.startsWith(ownResponses(who));
  return mayDo(who.by.roles, peopleReadNeeds) && !isPrivate(topic);
}

export function maySubscribe(who: Who, filter: string, prefix?: string | null): boolean {
  if (who.as === 'people') {
    // Answers to a key's own questions are for it whatever else it may read, and no other's.
    if (filter.startsWith(responsePrefix)) return filter.startsWith(ownResponses(who));
    // `#` matches no more than the root and the devices of Home Assistant: nothing else is published on this broker, and `$SYS` needs its own
    // filter. Private messages are left out of the matches of a wider filter, and a filter for them alone is refused.
    if (!mayDo(who.by.roles, peopleReadNeeds) || isPrivate(filter)) return false;
    if (prefix && filter.startsWith(`${prefix}/`)) return true;
    return filter === '#' || filter === topicRoot || filter.startsWith(`${topicRoot}/`);
  }
  if (!filter.startsWith(`${topicRoot}/`)) return false;
  const wanted = filter.slice(topicRoot.length + 1).split('/');
  // `cmd/alice/+` and `cmd/alice/#` match no more than the rows do: no other topic there may be written.
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
