// Whether a message may be published, the same at every door: by the table of topics, the pace of the key, and its size. In: the sender and the
// message. Out: its row, or the reason of a refusal, which questions of people are answered with.
import { parseTopic, permissionWords, type TopicRow, topics } from '@blackroad/protocol';
import { type Doorkeeper, nameOfKey } from '../door/doorkeeper.ts';
import { mayPublish, type Who } from './rights.ts';

type PublishFault = 'topic' | 'rate-limited' | 'message-too-large';

export interface PublishRules {
  doorkeeper: Doorkeeper;
  /** Below which Home Assistant discovers devices; missing: nowhere. */
  discoveryPrefix?: string | null | undefined;
}

export function publishing(
  who: Who,
  topic: string,
  bytes: number,
  { doorkeeper, discoveryPrefix }: PublishRules,
): { row: TopicRow } | { fault: PublishFault } {
  const row = mayPublish(who, topic, discoveryPrefix);
  if (!row) return { fault: 'topic' };
  if (who.as === 'people' && doorkeeper.take(nameOfKey(who.keyId)) > 0) return { fault: 'rate-limited' };
  return bytes > row.maxBytes ? { fault: 'message-too-large' } : { row };
}

const refusals: Record<string, string | undefined> = {
  'message-too-large': 'The message is too large.',
  'rate-limited': 'This key asks too often; wait a minute.',
};
/** What is told to whoever published; missing: only the broker's log says it. */
export function refusalWords(fault: string, topic: string): string | undefined {
  if (fault !== 'topic') return refusals[fault];
  const parsed = parseTopic(topic);
  const row: TopicRow | null = parsed && topics[parsed.name];
  return row?.writer === 'people'
    ? `This key may not publish here: that needs ${permissionWords(row.needs ?? topics.ask.needs)}.`
    : 'This key may not publish here.';
}

/** Whether people write on this topic at all. */
export function isForPeople(topic: string): boolean {
  const parsed = parseTopic(topic);
  return parsed !== null && topics[parsed.name].writer === 'people';
}
