// The topics that people need in a broker of their own, as a bridge carries them: from the fleet what nodes and the coordinator say, to the fleet
// what people may say. No topic goes both ways, so that no message can go round in a circle. Derived from the table of topics.
import { birthTopic, discoveryFilter } from './home.ts';
import type { TopicRow } from './topic-row.ts';
import { filterOf, type TopicName, topics } from './topics.ts';

/** What a house has no use for: it is large, or between the fleet's own programs. */
const fleetsOwn: readonly TopicName[] = [
  'nodeHello',
  'nodeHardware',
  'agentHeld',
  'taskReport',
  'taskChunk',
  'memoryUp',
];

interface BridgeTopic {
  /** A filter below the root, with the root in front, or below the prefix of Home Assistant. */
  filter: string;
  qos: 0 | 1;
}

const entries = Object.entries(topics) as [TopicName, TopicRow][];
const isPrivate = (pattern: string) => /^(cmd|reply)\//.test(pattern);

/** `key`: the id of the bridge's key, whose own answers come too. `prefix`: where Home Assistant finds devices; null: nowhere. */
export function fromFleet(key: string, prefix: string | null): BridgeTopic[] {
  const below = entries.flatMap(([name, { pattern, writer, qos }]) =>
    writer === 'people' || isPrivate(pattern) || fleetsOwn.includes(name)
      ? []
      : [{ filter: filterOf(pattern, { key }), qos }],
  );
  return prefix === null ? below : [...below, { filter: discoveryFilter(prefix), qos: 1 }];
}
export function toFleet(prefix: string | null): BridgeTopic[] {
  const below = entries.flatMap(([, { pattern, writer, qos }]) =>
    writer === 'people' ? [{ filter: filterOf(pattern, {}), qos }] : [],
  );
  return prefix === null ? below : [...below, { filter: birthTopic(prefix), qos: 1 }];
}
