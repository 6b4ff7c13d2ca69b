// A conversation as it is read, and as it grows here: a message that was sent, and an answer that has ended, are in it at once, without
// reading all of it again.
import type { ConversationTask, ConversationWhole, RouteBody, TaskView } from '@blackroad/protocol';
import { useQuery } from '@tanstack/react-query';
import { type ApiProblem, call } from './api.ts';
import { askFollowed } from './follow.ts';
import { keyOf, queries } from './query.ts';

const keyOfOne = (conversation: string) => keyOf('conversation', { params: { conversation } });

export function useConversation(id: string) {
  return useQuery<ConversationWhole, ApiProblem>({
    queryKey: keyOfOne(id),
    queryFn: ({ signal }) => call('conversation', { params: { conversation: id }, signal }),
  });
}

/** Where a message belongs: null for a new conversation; `after` null: it is a first message. */
export interface Place {
  conversation: string | null;
  after: string | null;
}
type Message = Pick<RouteBody<'ask'>, 'prompt' | 'images'>;

/** Sends a message, and begins its conversation where it is the first. Resolves with both when the message is stored. @throws ApiProblem */
export async function sendMessage(agent: string, { conversation, after }: Place, message: Message) {
  const id = conversation ?? (await call('conversationOpen', { body: { agent } })).id;
  try {
    const task = await askFollowed(agent, { ...message, conversation: { id, after } });
    if (conversation === null) await queries.fetchQuery({ queryKey: keyOfOne(id), queryFn: () => read(id) });
    else putTurn(id, task);
    void queries.invalidateQueries({ queryKey: ['conversations'] });
    return { conversation: id, task };
  } catch (error) {
    // A conversation without a message would only stand in the list.
    if (conversation === null) await call('conversationDelete', { params: { conversation: id } }).catch(() => {});
    throw error;
  }
}
const read = (conversation: string) => call('conversation', { params: { conversation } });

/** A new turn, or the newer state of one. */
export function putTurn(conversation: string, { images, trace: _, ...task }: TaskView): void {
  queries.setQueryData<ConversationWhole>(keyOfOne(conversation), (was) => {
    if (!was) return was;
    const before = was.turns.find(({ id }) => id === task.id);
    const turn: ConversationTask = { ...task, pictures: images?.length ?? before?.pictures ?? 0 };
    const turns = before ? was.turns.map((each) => (each.id === task.id ? turn : each)) : [...was.turns, turn];
    return { ...was, turns, tasks: Math.max(was.tasks, turns.length) };
  });
}
