// Whether a message may be published, the same at every door: by the table of topics, the pace of the key, and its size. In: the sender and the
// message. Out: its row, or the reason of a refusal, which questions of people are answered with.
import { parseTopic, permissionWords, type TopicRow, topics } from '@blackroad/protocol';
import { type Doorkeeper, nameOfKey } from '../door/doorkeeper.ts';
import { mayPublish, type Who } from './rights.ts';

type PublishFault = 'topic' | 'rate-limited' | 'message-too-large';

export function publishing(
  who: Who,
  topic: string,
  bytes: number,
  doorkeeper: Doorkeeper,
): { row: TopicRow } | { fault: PublishFault } {
  const row = mayPublish(who, topic);
  if (!row) return { fault: 'topic' };
  if (who.as === 'people' && doorkeeper.take(nameOfKey(who.keyId)) > 0) return { fault: 'rate-limited' };
  return bytes > row.maxBytes ? { fault: 'message-too-large' } : { row };
}

/** The refusals of asks that get an answer, with its text. */
export const refusalWords: Record<string, string | undefined> = {
  topic: `This key may not publish here: asking needs ${permissionWords(topics.ask.needs)}.`,
  'message-too-large': 'The question is too large.',
  'rate-limited': 'This key asks too often; wait a minute.',
};

/** Whether people write on this topic at all. */
export function isForPeople(topic: string): boolean {
  const parsed = parseTopic(topic);
  return parsed !== null && topics[parsed.name].writer === 'people';
}
