// One question over MQTT 5, until its answer or a Trouble: it names a response topic that its key alone reads. The same id twice is one task:
// after a connection that broke the question is sent again, and its answer told again.
import type { MqttAnswer } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { patienceMs } from './ask-http.ts';
import type { Answer, Question } from './door.ts';
import type { MqttConnection } from './mqtt-connection.ts';
import { readJson } from './read-json.ts';
import { Trouble } from './trouble.ts';

/** After the deadline of a question the coordinator says that it has passed. */
const graceMs = 5_000;
const again: Backoff = { firstMs: 250, maxMs: 3_000 };

interface AskParts {
  connection: MqttConnection;
  /** The beginning of the response topics of the key. */
  mine: string;
  clock: Clock;
  random: Random;
}

export async function askOverMqtt(
  { connection, mine, clock, random }: AskParts,
  { agent, prompt, seconds }: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const id = `node-red-${random.hex(12)}`;
  const response = `${mine}/${id}`;
  const properties = { responseTopic: response, messageExpiryInterval: Math.max(1, Math.ceil(seconds)) };
  const send = () => connection.publish(`blackroad/v1/agent/${agent}/ask`, JSON.stringify({ id, prompt }), properties);
  const heard = await connection.listenOn(`${mine}/+`, { wanted: response, signal });
  try {
    await whileAway({ clock, random }, send, Math.min(patienceMs, seconds * 1000), signal);
    heard.onBack = () => void send().catch(() => {});
    const text = await heard.first(seconds * 1000 + graceMs);
    if (text === null) throw new Trouble('late', `no answer within ${seconds} s`);
    return answerOf(agent, readJson<MqttAnswer>(text));
  } finally {
    heard.end();
  }
}

/** For `ms` it is tried again where the coordinator is away. */
async function whileAway(
  { clock, random }: { clock: Clock; random: Random },
  run: () => Promise<void>,
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  const endMs = clock.monotonicMs() + ms;
  for (let tries = 0; ; tries++) {
    try {
      return await run();
    } catch (error) {
      const mayPass = error instanceof Trouble && error.mayPass && !signal.aborted;
      const leftMs = endMs - clock.monotonicMs();
      if (!mayPass || leftMs <= 0) throw error;
      await sleep(clock, Math.min(leftMs, backoffMs(again, tries, random)), signal).catch(() => {
        throw new Trouble('stopped', 'the flow was stopped before the question was taken');
      });
    }
  }
}

function answerOf(agent: string, answer: MqttAnswer | null): Answer {
  if (answer === null) throw new Trouble('refused', 'what came as the answer is none of the fleet');
  const { ok, text, task, node } = answer;
  if (ok) return { text, task, node, isTruncated: false, usage: null };
  // A refusal over MQTT is a sentence.
  if (task === null && text.includes(`no agent ${agent}`)) throw new Trouble('unknown-agent', text);
  if (task === null && text.includes('needs the permission')) throw new Trouble('no-permission', text);
  throw new Trouble(task === null ? 'refused' : 'failed', text);
}
