// The fleet over MQTT 5, at the door for people's programs: questions with a response topic, nodes told by the topics that Home Assistant uses,
// events that nodes tell. A program can stream and cancel over HTTP alone.
import type { NodeEvent, nodeAsks } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { askOverMqtt } from './ask-mqtt.ts';
import { controlOverMqtt } from './control-mqtt.ts';
import type { Door, Listener } from './door.ts';
import { MqttConnection } from './mqtt-connection.ts';
import type { Place } from './place.ts';
import { readJson } from './read-json.ts';
import { ToldBefore } from './told-before.ts';
import type { Trouble } from './trouble.ts';

const eventFilter = 'blackroad/v1/node/+/event/+';
/** What a node asks the coordinator on the topics of events. */
const asks: { readonly [type in keyof typeof nodeAsks]: true } = { 'assignment-gap': true, 'drain-asked': true };

export function openMqttDoor(place: Place, parts: { clock: Clock; random: Random }): Door {
  const connection = new MqttConnection(place, parts);
  const asking = { connection, mine: `blackroad/v1/response/${place.keyId}`, ...parts };
  const listeners = new Set<Listener>();
  let events: Listening | null = null;
  return {
    async check(signal) {
      await connection.connected(signal);
      return `key ${place.keyId}`;
    },
    ask: (question, _onPiece, signal) => askOverMqtt(asking, question, signal),
    control: (node, action, signal) => controlOverMqtt(connection, node, action, signal),
    // No topic has them.
    names: async () => ({ agents: [], nodes: [] }),
    listen(listener) {
      listeners.add(listener);
      if (events === null) events = listenOverMqtt(connection, listeners);
      else if (events.trouble !== undefined) listener.onTrouble(events.trouble);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        events?.end();
        events = null;
      };
    },
    whenLost(run) {
      connection.onLost = run;
    },
    close: () => connection.close(),
  };
}

interface Listening {
  /** What was last told of it: null: it hears events; missing: it is not known yet. */
  trouble?: Trouble | null;
  end(): void;
}
function listenOverMqtt(connection: MqttConnection, listeners: ReadonlySet<Listener>): Listening {
  const before = new ToldBefore();
  const listening: Listening = { end: () => kept.end() };
  const kept = connection.keepOn(eventFilter, {
    onMessage(topic, payload) {
      const node = topic.split('/')[3] ?? null;
      const event = readJson<NodeEvent>(payload);
      if (event === null || Object.hasOwn(asks, event.type) || before.has(topic, payload)) return;
      const { atMs, type, severity, text, data = {} } = event;
      for (const listener of [...listeners])
        listener.onEvent({ id: null, atMs, node, agent: null, type, severity, text, params: data });
    },
    onTrouble(trouble) {
      listening.trouble = trouble;
      for (const listener of [...listeners]) listener.onTrouble(trouble);
    },
    onGap(awayS) {
      const text = `there was no connection for ${awayS} s: over MQTT the events of that time are not told`;
      for (const listener of [...listeners]) listener.onGap({ text, after: null, before: null });
    },
  });
  return listening;
}
