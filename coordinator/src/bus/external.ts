// Any MQTT 3.1.1 broker by URL (Mosquitto, EMQX, NATS with MQTT) as a Bus: what the embedded one is outgrown into.
// In: the coordinator's own connection, and the broker's ACLs made from the topic table (docs/acl). Out: the same calls.
// What it cannot do: end another's connection (`disconnect` is best effort, the farewell message does the work), or count what
// the broker refused. It must never publish while disconnected: mqtt.js would overwrite the oldest stored messages silently.
import type { Socket } from 'node:net';
import {
  FleetError,
  filterOf,
  maxBusQueueBytes,
  maxBusQueueMessages,
  parseTopic,
  topicRoot,
} from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import mqtt, { type MqttClient } from 'mqtt';
import type { Arrived, Bus, BusMessage } from './bus.ts';

export interface ExternalBusOptions {
  /** `mqtts://host:8883`, `mqtt://host:1883`. */
  url: string;
  /** PEM. `key` and `cert` for a broker that wants mTLS (`issueCoordinatorClient`). */
  tls?: { ca?: string; key?: string; cert?: string };
  username?: string;
  password?: string;
  clientId: string;
  /** What the broker says when the coordinator's connection breaks: `fleet/state` offline. */
  will?: BusMessage;
  log: Log;
  clock: Clock;
  random: Random;
  limits?: Partial<ExternalLimits>;
}
export interface ExternalLimits {
  queueMessages: number;
  queueBytes: number;
  /** Sent and not acknowledged at once. */
  inFlight: number;
  /** So long a start waits for the broker; then it goes on without, and so do the tries. */
  startMs: number;
}
const externalLimits: ExternalLimits = {
  queueMessages: maxBusQueueMessages,
  queueBytes: maxBusQueueBytes,
  inFlight: 100,
  startMs: 5_000,
};
const backoff: Backoff = { firstMs: 200, maxMs: 10_000 };

/** Where others write. The coordinator itself writes none of these, so nothing of its own comes back. */
const filters = [`${topicRoot}/node/#`, `${topicRoot}/reply/#`, filterOf('agent/{agent}/ask', {})];

export function createExternalBus(options: ExternalBusOptions): Bus {
  const { log, clock, random } = options;
  const limits = { ...externalLimits, ...options.limits };
  const waiting: BusMessage[] = [];
  let waitingBytes = 0;
  let flying = 0;
  let received = 0;
  let sent = 0;
  let attempt = 0;
  let ready = false;
  let lastError = '';
  let client: MqttClient | null = null;
  let retry: Timer | null = null;
  const refused: Record<string, number> = {};
  const count = (reason: string) => {
    refused[reason] = (refused[reason] ?? 0) + 1;
  };

  function pump(): void {
    // `flying` is bounded and mqtt.js repeats those after a reconnection; everything else waits here, in order.
    while (client && ready && flying < limits.inFlight && waiting.length > 0) {
      const { topic, payload, qos, retain } = waiting.shift() as BusMessage;
      waitingBytes -= payload.length;
      flying++;
      sent++;
      client.publish(topic, payload, { qos, retain }, (error) => {
        flying--;
        if (error) {
          count('publish-failed');
          log.warn({ topic, error: error.message }, 'the broker did not take a message');
        }
        pump();
      });
    }
  }

  function connect(onMessage: (message: Arrived) => void, onReady: () => void): void {
    const { url, tls, username, password, clientId, will } = options;
    const made = mqtt.connect(url, {
      ...tls,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(will ? { will: { ...will, payload: Buffer.from(will.payload) } } : {}),
      clientId,
      clean: true,
      keepalive: 20,
      connectTimeout: 10_000,
      queueQoSZero: false,
      resubscribe: false,
      // Its own period is fixed: ten coordinators and a thousand tools would come back in step.
      reconnectPeriod: 0,
    });
    client = made;
    made.on('connect', () => {
      (made.stream as unknown as Partial<Socket>).setNoDelay?.(true);
      made.subscribe(filters, { qos: 1 }, (error, granted) => {
        if (error || granted?.some(({ qos }) => (qos as number) === 128)) {
          count('subscription');
          log.error({ error: error?.message, filters }, 'the broker refused the subscriptions; see docs/acl');
          made.stream.destroy();
          return;
        }
        attempt = 0;
        lastError = '';
        ready = true;
        onReady();
        pump();
      });
    });
    made.on('message', (topic, payload, { retain }) => {
      // An empty payload clears a retained message: our own doing, when a node is forgotten. An empty ask is a person's.
      if (payload.length === 0 && parseTopic(topic)?.name !== 'ask') return;
      received++;
      onMessage({ topic, payload, retained: retain });
    });
    made.on('error', (error) => {
      count('connection');
      // Tried for as long as it takes: the same words again and again would fill a disk.
      if (error.message === lastError) return;
      lastError = error.message;
      log.warn({ url: shown(url), error: error.message }, 'the broker cannot be reached');
    });
    made.on('close', () => {
      ready = false;
      if (retry || made.disconnecting) return;
      retry = clock.after(backoffMs(backoff, attempt++, random), () => {
        retry = null;
        made.reconnect();
      });
    });
  }

  return {
    async start(onMessage) {
      // Nothing else keeps a process alive that waits for its broker: timers of a Clock do not.
      const letGo = holdProcess();
      const started = new Promise<void>((resolve) => connect(onMessage, resolve));
      const late = () => new Error(`the broker at ${shown(options.url)} does not answer`);
      try {
        await withDeadline(clock, limits.startMs, started, late);
      } catch (error) {
        // The console tells more than a process that has ended, and the broker may only be slower to start than we are.
        log.error({}, `${(error as Error).message}: no node can be reached until it does; it is tried again and again`);
      } finally {
        letGo();
      }
    },
    publish(messages) {
      const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
      // All or nothing: half a batch would be told twice when the caller tries again.
      if (waiting.length + messages.length > limits.queueMessages || waitingBytes + bytes > limits.queueBytes) {
        count('queue-full');
        const detail = `the broker is away and ${waiting.length} messages wait for it`;
        throw new FleetError('unavailable', { detail, retryAfterSeconds: 5 });
      }
      waiting.push(...messages);
      waitingBytes += bytes;
      pump();
    },
    disconnect(node) {
      log.info({ node }, 'an external broker keeps its connections: revoke the certificate there, or wait for its end');
    },
    stats: () => ({ connections: ready ? 1 : 0, received, sent, refused: { ...refused }, stalled: 0 }),
    async stop() {
      retry?.cancel();
      ready = false;
      const ending = client;
      client = null;
      if (!ending) return;
      const ended = ending.endAsync(!ending.connected);
      await withDeadline(clock, 3_000, ended, () => new Error('the broker did not answer the end')).catch(() => {
        ending.stream?.destroy();
      });
    },
  };
}

/** Without a password in it. */
function shown(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
