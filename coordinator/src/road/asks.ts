// Asks over MQTT: a question on an agent's topic becomes a task, and its end is sent to the topic of the answer. A broker acknowledges
// messages that it drops, so a refused question is answered too, with the reason. In: decoded asks, and asks that were refused by a broker
// or by their schema. Out: tasks, and answers. The number of answers to refused asks is limited: a sender that repeats invalid asks gets no
// endless answers.
import {
  cutToBytes,
  defaultSpace,
  FleetError,
  isAskId,
  maxDeadlineSeconds,
  type Principal,
  parseTopic,
  type TopicMessage,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type Random, sortableId } from '@blackroad/std/random';
import type { Arrived, AskRequest } from '../bus/bus.ts';
import { createRate } from '../door/rate.ts';
import type { Outgoing } from '../state/change.ts';
import type { Outcome } from '../state/decision.ts';
import type { Answer, Inputs } from '../state/input.ts';
import type { ReplyTo } from '../state/reply-to.ts';
import { agentIdEver, type View } from '../state/view.ts';
import { answered } from '../tasks/answer.ts';

/** The limit for one sender, or for the topic of one agent where the broker does not report the sender, and for all together. */
const refusedAnswersPerMinute = 60;
const refusedAnswersInAll = 600;
/** The id is searched only at the beginning of a question. */
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
  take(agent: string, ask: TopicMessage<'ask'>, by: Principal | undefined, wanted?: AskRequest): Promise<void>;
  /** Sends nothing when the topic is not that of an ask. */
  answerRefused(message: Arrived, reason: string): void;
}

export function createAsks({ view, clock, random, submit, send }: AsksParts): Asks {
  const perSender = createRate(clock, refusedAnswersPerMinute);
  const inAll = createRate(clock, refusedAnswersInAll);
  const mint = () => sortableId(clock.nowMs(), random);
  const refuse = (to: Omit<ReplyTo, 'kind'>, text: string) =>
    send(answered(to, { agent: to.agent, task: null, ok: false, text, node: null }));

  return {
    // The asker's id is part of the answer's topic, and makes a repeated ask harmless.
    async take(agent, { prompt, id: askId }, by, wanted) {
      const id = mint();
      const ask = askId ?? wanted?.id ?? id;
      const replyTo = { kind: 'mqtt', ...answerAt(agent, ask, wanted) } as const;
      const agentId = agentIdEver(view, by?.space ?? defaultSpace, agent);
      if (agentId === undefined) return refuse(replyTo, `There is no agent ${agent}.`);
      const deadline =
        wanted?.expirySeconds === undefined
          ? {}
          : { deadlineSeconds: Math.min(maxDeadlineSeconds, wanted.expirySeconds) };
      const request = { prompt, idempotencyKey: `mqtt:${agentId}:${ask}`, ...deadline };
      try {
        const asked = { by: by ?? null, id, agent: agentId, origin: 'mqtt', request, replyTo } as const;
        const outcome = await submit('task-submit', asked);
        if (!outcome.ok) return refuse(replyTo, outcome.details.detail ?? outcome.code);
      } catch (error) {
        const { message } = error instanceof FleetError ? error : new FleetError('internal');
        refuse(replyTo, cutToBytes(message, maxReasonBytes));
        throw error;
      }
    },
    answerRefused({ topic, payload, by, request }, reason) {
      const parsed = parseTopic(topic);
      if (parsed?.name !== 'ask') return;
      const agent = parsed.params.agent as string;
      if (perSender.take(by ? `key:${by.id}` : `agent:${agent}`) > 0 || inAll.take('all') > 0) return;
      const ask = idIn(payload) ?? request?.id ?? mint();
      refuse(answerAt(agent, ask, request), cutToBytes(reason, maxReasonBytes));
    },
  };
}

function answerAt(agent: string, ask: string, wanted: AskRequest | undefined): Omit<ReplyTo, 'kind'> {
  const { response, told } = wanted ?? {};
  return { agent, id: wanted?.id ?? ask, ...(response ? { response } : {}), ...(told ? { told } : {}) };
}

/** The id in a refused question, which may be invalid in any other way. */
function idIn(payload: Buffer): string | null {
  const found = /^\s*\{[^{}]*?"id"\s*:\s*"([^"\\]*)"/.exec(payload.toString('utf8', 0, idWithinBytes))?.[1];
  return found !== undefined && isAskId(found) ? found : null;
}
