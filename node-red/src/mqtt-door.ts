// The fleet over MQTT 5, at the door for people's programs: a question names a response topic that its key alone reads; a node is told by the
// topics that Home Assistant uses; events are those that nodes tell. A program can stream and cancel over HTTP alone.
import type { HomeNodeState, MqttAnswer, NodeEvent } from '@blackroad/protocol';
import { type Clock, sleep } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { patienceMs } from './ask-http.ts';
import type { Action, Answer, Done, Door, Listener, Question } from './door.ts';
import { MqttConnection } from './mqtt-connection.ts';
import type { Place } from './place.ts';
import { Trouble } from './trouble.ts';

const root = 'blackroad/v1';
/** After the deadline of a question the coordinator says that it has passed. */
const graceMs = 5_000;
/** A retained state comes at once; what a node was told shows within a quarter of a second. */
const stateMs = 5_000;
const triesMs = 500;

const orders: Readonly<Record<Action, { order: string; wanted: boolean }>> = {
  cordon: { order: 'cordon', wanted: true },
  uncordon: { order: 'cordon', wanted: false },
  drain: { order: 'drain', wanted: true },
  undrain: { order: 'drain', wanted: false },
  identify: { order: 'identify', wanted: true },
  restart: { order: 'restart', wanted: true },
};

export function openMqttDoor(place: Place, parts: { clock: Clock; random: Random }): Door {
  const { clock, random } = parts;
  const connection = new MqttConnection(place, parts);
  const mine = `${root}/response/${place.keyId}`;
  const listeners = new Set<Listener>();

  /** `ms`: until then it is tried again where the coordinator is away. */
  async function whileAway<T>(run: () => Promise<T>, ms: number, signal: AbortSignal): Promise<T> {
    const endMs = clock.monotonicMs() + ms;
    for (;;) {
      try {
        return await run();
      } catch (error) {
        const mayPass = error instanceof Trouble && error.mayPass && !signal.aborted;
        if (!mayPass || clock.monotonicMs() + triesMs > endMs) throw error;
        await sleep(clock, triesMs, signal);
      }
    }
  }

  async function ask({ agent, prompt, seconds }: Question, signal: AbortSignal): Promise<Answer> {
    const id = `node-red-${random.hex(12)}`;
    const topic = `${root}/agent/${agent}/ask`;
    const response = `${mine}/${id}`;
    const properties = { responseTopic: response, messageExpiryInterval: Math.max(1, Math.ceil(seconds)) };
    const heard = await connection.listenOn(`${mine}/+`, { wanted: response, signal });
    try {
      // The same id twice is one task: after a connection that broke the question is sent again, and its answer told again.
      const send = () => connection.publish(topic, JSON.stringify({ id, prompt }), properties);
      await whileAway(send, Math.min(patienceMs, seconds * 1000), signal);
      const resend = () => void send().catch(() => {});
      heard.onBack = resend;
      const text = await heard.first(seconds * 1000 + graceMs);
      if (text === null) throw new Trouble('late', `no answer within ${seconds} s`);
      return answerOf(agent, read<MqttAnswer>(text));
    } finally {
      heard.end();
    }
  }

  async function control(node: string, action: Action, signal: AbortSignal): Promise<Done> {
    const { order, wanted } = orders[action];
    const heard = await connection.listenOn(`${root}/home/node-${node}/state`, { signal });
    try {
      const before = await heard.first(stateMs);
      if (before === null)
        throw new Trouble('unknown-node', `there is no node ${node}, or this key may not read its state`);
      await connection.publish(`${root}/home/node-${node}/set/${order}`, JSON.stringify({ wanted }), {});
      if (order !== 'cordon' && order !== 'drain') {
        const text = `${node} was told to ${action}; over MQTT it does not answer`;
        return { node, action, text, cordoned: null, draining: null };
      }
      const isSo = (state: HomeNodeState | null) =>
        state !== null &&
        (order === 'cordon'
          ? state.cordoned === wanted
          : // Of a node that is away the state says that alone.
            (state.state === 'draining') === wanted || !['online', 'draining'].includes(state.state));
      const shown = await heard.until((text) => isSo(read<HomeNodeState>(text)), stateMs);
      if (shown === null) {
        const text = `${node} does not show it within ${stateMs / 1000} s; the log of the coordinator says why`;
        throw new Trouble('refused', text);
      }
      const { cordoned, state } = read<HomeNodeState>(shown) as HomeNodeState;
      return { node, action, text: `${node} shows it: ${state}`, cordoned, draining: state === 'draining' };
    } finally {
      heard.end();
    }
  }

  const filter = `${root}/node/+/event/+`;
  let events: { end(): void } | null = null;
  function startListening() {
    if (events !== null) return;
    events = connection.keepOn(filter, {
      onMessage(topic, payload) {
        const [, , , node = ''] = topic.split('/');
        const event = read<NodeEvent>(payload);
        if (event === null) return;
        const { atMs, type, severity, text, data = {} } = event;
        for (const listener of [...listeners])
          listener.onEvent({ id: null, atMs, node, agent: null, type, severity, text, params: data });
      },
      onTrouble(trouble) {
        for (const listener of [...listeners]) listener.onTrouble(trouble);
      },
      onGap(awayS) {
        const text = `there was no connection for ${awayS} s: over MQTT the events of that time are not told`;
        for (const listener of [...listeners]) listener.onGap({ text, after: null, before: null });
      },
    });
  }

  return {
    async check(signal) {
      await connection.connected(signal);
      return `key ${place.keyId}`;
    },
    ask: (question, _onPiece, signal) => ask(question, signal),
    control: (node, action, signal) => control(node, action, signal),
    // No topic has them.
    names: async () => ({ agents: [], nodes: [] }),
    listen(listener) {
      listeners.add(listener);
      startListening();
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        events?.end();
        events = null;
      };
    },
    close: () => connection.close(),
  };
}

/** Null: it is no JSON of the fleet. */
function read<T>(text: string): T | null {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? (found as T) : null;
  } catch {
    return null;
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
