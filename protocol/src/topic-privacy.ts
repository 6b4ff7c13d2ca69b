// Which topics people's tools may read over MQTT.
import type { Permission } from './permissions.ts';
import { topicRoot, topics } from './topics.ts';

/** Topics between the coordinator and one node alone: people's tools can neither write nor read them. */
export const isPrivate = (topic: string): boolean =>
  topic.startsWith(`${topicRoot}/cmd/`) || topic.startsWith(`${topicRoot}/reply/`);
/** The permission that a key must have to read over MQTT. */
export const peopleReadNeeds: Permission = 'feed:read';
/** Topics that people's tools may read, as subscriptions that match nothing private. */
export const peopleRead: readonly string[] = [
  ...new Set(
    Object.values(topics)
      // What one key alone reads is told by our own brokers.
      .filter(({ pattern }) => !pattern.includes('{key}'))
      .map(({ pattern }) => `${topicRoot}/${pattern.split('/')[0]}/#`)
      .filter((filter) => !isPrivate(filter)),
  ),
];
