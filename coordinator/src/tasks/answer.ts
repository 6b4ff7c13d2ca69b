// The answer about an ended task to an asker that submitted it with a message and waits for a reply. Pure.
import { type Outgoing, outgoing } from '../state/change.ts';
import type { EndedTask, ReplyTo } from '../state/rows.ts';

export function answerTo({ agent, id }: ReplyTo, { id: task, state, result, problem, node }: EndedTask): Outgoing {
  const ok = state === 'done';
  const text = (ok ? result : problem?.text) ?? state;
  return outgoing('answer', { agent, id }, { agent, task, ok, text, node });
}
