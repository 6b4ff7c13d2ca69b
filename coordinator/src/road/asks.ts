// Asks over MQTT: a question on an agent's topic becomes a task, and whatever comes of it is told on the answer's topic. A broker
// acknowledges what it drops, so a refused question is answered too, with the reason.
// In: asks as they were decoded, and those that were refused, by a door or by their form. Out: tasks, and answers. The answers to
// refused asks are bounded: whoever sends nonsense in a loop is not sent a loop back.
import {
  cutToBytes,
  defaultSpace,
  FleetError,
  isAskId,
  type Principal,
  parseTopic,
  type TopicMessage,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type Random, sortableId } from '@blackroad/std/random';
import type { Arrived } from '../bus/bus.ts';
import { createRate } from '../door/rate.ts';
import { type Outgoing, outgoing } from '../state/change.ts';
import type { Outcome } from '../state/decision.ts';
import type { Answer, Inputs } from '../state/input.ts';
import { agentIdEver, type View } from '../state/view.ts';

/** Of one sender; where the broker does not say who that is, of one agent's topic. And of all together. */
const refusedAnswersPerMinute = 60;
const refusedAnswersInAll = 600;
/** An id stands at the front of a question, or it is not looked for. */
const idWithinBytes = 2_000;
const maxReasonBytes = 1_000;

interface AsksParts {
  view: View;
  clock: Clock;
  random: Random;
  submit(kind: 'task-submit', input: Inputs['task-submit']): Promise<Outcome<Answer<'task-submit'>>>;
  send(message: Outgoing): void;
}
export interface Asks {
  take(agent: string, ask: TopicMessage<'ask'>, by: Principal | undefined): Promise<void>;
  /** Nothing, when the topic is none of an ask. */
  answerRefused(message: Arrived, reason: string): void;
}

export function createAsks({ view, clock, random, submit, send }: AsksParts): Asks {
  const perSender = createRate(clock, refusedAnswersPerMinute);
  const inAll = createRate(clock, refusedAnswersInAll);
  const mint = () => sortableId(clock.nowMs(), random);
  const refuse = (agent: string, id: string, text: string) =>
    send(outgoing('answer', { agent, id }, { agent, task: null, ok: false, text, node: null }));

  return {
    // The asker's id stands in the answer's topic, and makes asking twice harmless.
    async take(agent, { prompt, id: askId }, by) {
      const id = mint();
      const ask = askId ?? id;
      const replyTo = { kind: 'mqtt', agent, id: ask } as const;
      const agentId = agentIdEver(view, by?.space ?? defaultSpace, agent);
      if (agentId === undefined) return refuse(agent, ask, `There is no agent ${agent}.`);
      const request = { prompt, idempotencyKey: `mqtt:${agentId}:${ask}` };
      try {
        const asked = { by: by ?? null, id, agent: agentId, origin: 'mqtt', request, replyTo } as const;
        const outcome = await submit('task-submit', asked);
        if (!outcome.ok) return refuse(agent, ask, outcome.details.detail ?? outcome.code);
      } catch (error) {
        const { message } = error instanceof FleetError ? error : new FleetError('internal');
        refuse(agent, ask, cutToBytes(message, maxReasonBytes));
        throw error;
      }
    },
    answerRefused({ topic, payload, by }, reason) {
      const parsed = parseTopic(topic);
      if (parsed?.name !== 'ask') return;
      const agent = parsed.params.agent as string;
      if (perSender.take(by ? `key:${by.id}` : `agent:${agent}`) > 0 || inAll.take('all') > 0) return;
      refuse(agent, idIn(payload) ?? mint(), cutToBytes(reason, maxReasonBytes));
    },
  };
}

/** The id that a refused question names, whatever else is wrong with it. */
function idIn(payload: Buffer): string | null {
  const found = /^\s*\{[^{}]*?"id"\s*:\s*"([^"\\]*)"/.exec(payload.toString('utf8', 0, idWithinBytes))?.[1];
  return found !== undefined && isAskId(found) ? found : null;
}
