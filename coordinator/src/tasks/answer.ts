// The answer about an ended task to an asker that submitted it with a message and waits for a reply. Pure.
import type { TopicMessage } from '@blackroad/protocol';
import { type Outgoing, outgoing } from '../state/change.ts';
import type { ReplyTo } from '../state/reply-to.ts';
import type { EndedTask } from '../state/rows.ts';

export function answerTo(replyTo: ReplyTo, { id: task, state, result, problem, node }: EndedTask): Outgoing {
  const ok = state === 'done';
  const text = (ok ? result : problem?.text) ?? state;
  return answered(replyTo, { agent: replyTo.agent, task, ok, text, node });
}

/** On the topic that the asker named, else on that of the agent. */
export function answered(
  { agent, id, response, told }: Omit<ReplyTo, 'kind'>,
  message: TopicMessage<'answer'>,
): Outgoing {
  return response ? outgoing('response', response, message, told) : outgoing('answer', { agent, id }, message, told);
}
