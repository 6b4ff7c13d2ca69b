// Any MQTT 3.1.1 broker by URL (Mosquitto, EMQX, NATS with MQTT) as a Bus, for a fleet that is too large for the embedded one. In: the
// coordinator's own connection, and the broker's ACLs made from the topic table (docs/acl). Out: the same calls, and the coordinator's
// presence: its will when this process ends suddenly, its birth when the connection is back. It cannot end another's connection
// (`disconnect` is best effort, the farewell message does the work), nor count the broker's refusals. It must never publish while
// disconnected: mqtt.js would overwrite the oldest stored messages silently.
import type { Socket } from 'node:net';
import {
  birthTopic,
  FleetError,
  filterOf,
  maxBusQueueBytes,
  maxBusQueueMessages,
  parseTopic,
  topicRoot,
  topics,
} from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import mqtt, { type MqttClient } from 'mqtt';
import { type BrokerUser, brokerFault } from './broker-fault.ts';
import type { Arrived, Bus, BusMessage, Presence } from './bus.ts';
import { Waiting } from './waiting.ts';

export interface ExternalBusOptions {
  /** `mqtts://host:8883`, `mqtt://host:1883`. */
  url: string;
  /** PEM, for `mqtts`. `key` and `cert` for a broker that wants mTLS (`issueCoordinatorClient`). */
  tls: { ca: string; key: string; cert: string };
  /** For a broker that wants a password. */
  user?: BrokerUser;
  /**
   * The client id of this fleet's coordinator, the same in every run: a broker ends the connection of an earlier run when this one comes,
   * and publishes its will before it accepts this one [MQTT-3.1.4-2]. An old will cannot overwrite a new birth.
   */
  clientId: string;
  log: Log;
  clock: Clock;
  random: Random;
  limits?: Partial<ExternalLimits>;
  /** Below which Home Assistant discovers devices and announces itself; missing: nowhere. */
  discoveryPrefix?: string | null;
}
export interface ExternalLimits {
  queueMessages: number;
  queueBytes: number;
  /** The limit of messages that are sent and not acknowledged. */
  inFlight: number;
  /** A start waits this long for the broker; then it goes on, as do the attempts. */
  startMs: number;
}
const externalLimits: ExternalLimits = {
  queueMessages: maxBusQueueMessages,
  queueBytes: maxBusQueueBytes,
  inFlight: 100,
  startMs: 5_000,
};
const backoff: Backoff = { firstMs: 200, maxMs: 10_000 };
/** After a shorter connection the next attempt waits longer each time: two coordinators with one id would disconnect each other for ever. */
const stableMs = 10_000;
const stopMs = 3_000;

/** The topics of others. The coordinator publishes on none of them, so it gets no message of its own. */
const filters = [`${topicRoot}/node/#`, `${topicRoot}/reply/#`, filterOf('agent/{agent}/ask', {})];
const homeFilter = filterOf(topics.homeSet.pattern, {});
const wakeFilter = filterOf(topics.wake.pattern, {});

export function createExternalBus(options: ExternalBusOptions): Bus {
  return new ExternalBus(options);
}

class ExternalBus implements Bus {
  readonly #options: ExternalBusOptions;
  readonly #limits: ExternalLimits;
  readonly #waiting: Waiting;
  readonly #refused: Record<string, number> = {};
  #onMessage: (message: Arrived) => void = () => {};
  #onReady: () => void = () => {};
  #onIdle: () => void = () => {};
  #client: MqttClient | null = null;
  #retry: Timer | null = null;
  #flying = 0;
  #received = 0;
  #sent = 0;
  /** Attempts since the last connection that lasted. */
  #attempt = 0;
  #ready = false;
  #wasReady = false;
  #readySinceMs = 0;
  #lastFault = '';

  constructor(options: ExternalBusOptions) {
    this.#options = options;
    this.#limits = { ...externalLimits, ...options.limits };
    this.#waiting = new Waiting({ messages: this.#limits.queueMessages, bytes: this.#limits.queueBytes });
  }

  async start(onMessage: (message: Arrived) => void, presence: Presence): Promise<void> {
    const { clock, log } = this.#options;
    this.#onMessage = onMessage;
    // This keeps the process alive while it waits for its broker, as timers of a Clock do not.
    const letGo = holdProcess();
    const started = new Promise<void>((resolve) => {
      this.#onReady = resolve;
    });
    this.#connect(presence);
    try {
      await withDeadline(clock, this.#limits.startMs, started, () => new Error('too late'));
    } catch {
      // A running console shows the fault, and the broker may only start more slowly than the coordinator.
      const first = this.#lastFault === '' ? `the broker at ${this.#options.url} does not answer; ` : '';
      log.error({}, `${first}no node can be reached without the broker, which is tried again and again`);
    } finally {
      letGo();
    }
  }

  publish(messages: readonly BusMessage[]): void {
    if (!this.#waiting.add(messages)) {
      this.#count('queue-full');
      const detail = `the broker is away and ${this.#waiting.count} messages wait for it`;
      throw new FleetError('unavailable', { detail, retryAfterSeconds: 5 });
    }
    this.#pump();
  }

  disconnect(node: string): void {
    this.#options.log.info(
      { node },
      'an external broker keeps its connections: revoke the certificate there, or wait for its end',
    );
  }

  stats() {
    return {
      connections: this.#ready ? 1 : 0,
      received: this.#received,
      sent: this.#sent,
      refused: { ...this.#refused },
      stalled: 0,
    };
  }

  async stop(): Promise<void> {
    const { clock } = this.#options;
    const client = this.#client;
    if (!client) return;
    const said = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#pump();
    });
    const ended = (this.#ready ? said : Promise.reject(new Error('no broker'))).then(() => {
      this.#end();
      return client.endAsync();
    });
    await withDeadline(clock, stopMs, ended, () => new Error('the broker did not answer the end')).catch(() => {
      this.#end();
      // Without a DISCONNECT: when the last message was not sent, the will replaces it.
      client.end(true);
      client.stream?.destroy();
    });
  }

  #end(): void {
    this.#ready = false;
    this.#client = null;
    this.#retry?.cancel();
  }

  #connect(presence: Presence): void {
    const { url, tls, user, clientId } = this.#options;
    const client = mqtt.connect(url, {
      // With a key mqtt.js speaks TLS, whatever the URL says.
      ...(url.startsWith('mqtts:') ? tls : {}),
      ...(user ? { username: user.name, password: user.password } : {}),
      clientId,
      clean: true,
      keepalive: 20,
      connectTimeout: 10_000,
      queueQoSZero: false,
      resubscribe: false,
      // The period of mqtt.js itself is fixed: all clients of a broker would come back at the same time.
      reconnectPeriod: 0,
      will: willOf(presence),
    });
    this.#client = client;
    client.on('connect', () => this.#connected(client, presence));
    client.on('message', (topic, payload, { retain }) => {
      // An empty payload clears a retained message, as the coordinator does for a forgotten node. An empty ask is from a person.
      if (payload.length === 0 && parseTopic(topic)?.name !== 'ask') return;
      this.#received++;
      this.#onMessage({ topic, payload, retained: retain });
    });
    client.on('error', (error) => {
      this.#count('connection');
      this.#tell(brokerFault(error, url, user?.name));
    });
    client.on('close', () => this.#closed(client, presence));
  }

  #connected(client: MqttClient, presence: Presence): void {
    const { log, clock } = this.#options;
    (client.stream as unknown as Partial<Socket>).setNoDelay?.(true);
    client.subscribe(filters, { qos: 1 }, (error, granted) => {
      if (error || granted?.some(({ qos }) => (qos as number) === 128)) {
        this.#count('subscription');
        log.error({ error: error?.message, filters }, 'the broker refused the subscriptions; see docs/acl');
        client.stream.destroy();
        return;
      }
      this.#lastFault = '';
      this.#ready = true;
      this.#readySinceMs = clock.monotonicMs();
      this.#onReady();
      // The broker may have published the will. A first connection is announced by the decision `started`.
      if (this.#wasReady) this.#waiting.add([presence('online')]);
      this.#wasReady = true;
      this.#pump();
      this.#hearWakes(client);
      this.#hearHome(client);
    });
  }

  /** A broker whose access control is older than these topics may refuse them: the fleet works all the same. */
  #hearWakes(client: MqttClient): void {
    client.subscribe(wakeFilter, { qos: 1 }, (error, granted) => {
      if (!error && !granted?.some(({ qos }) => (qos as number) === 128)) return;
      this.#count('subscription');
      this.#options.log.warn(
        { error: error?.message, filter: wakeFilter },
        'the broker refused the subscription for messages that wake agents, whose triggers of topics do nothing; see docs/acl',
      );
    });
  }
  #hearHome(client: MqttClient): void {
    const { discoveryPrefix, log } = this.#options;
    if (!discoveryPrefix) return;
    const home = [homeFilter, birthTopic(discoveryPrefix)];
    client.subscribe(home, { qos: 1 }, (error, granted) => {
      if (!error && !granted?.some(({ qos }) => (qos as number) === 128)) return;
      this.#count('subscription');
      log.warn(
        { error: error?.message, filters: home },
        'the broker refused the subscriptions for Home Assistant, whose switches and buttons do nothing; see docs/acl',
      );
    });
  }

  #closed(client: MqttClient, presence: Presence): void {
    const { clock, random, log, url } = this.#options;
    const lastedMs = clock.monotonicMs() - this.#readySinceMs;
    if (this.#ready && !client.disconnecting) {
      const isShort = lastedMs < stableMs;
      if (!isShort) this.#attempt = 0;
      const hint = isShort ? '; does another process use it as the coordinator of this fleet?' : '';
      log.warn({ lastedMs: Math.round(lastedMs) }, `the connection to the broker at ${url} broke${hint}`);
    }
    this.#ready = false;
    if (this.#retry || client.disconnecting || !this.#client) return;
    this.#retry = clock.after(backoffMs(backoff, this.#attempt++, random), () => {
      this.#retry = null;
      // The coordinator may have another id since its clock was set.
      client.options.will = willOf(presence);
      client.reconnect();
    });
  }

  /** Attempts never end, so equal faults are not logged again: they would fill a disk. */
  #tell(fault: string): void {
    if (fault === this.#lastFault) return;
    this.#lastFault = fault;
    this.#options.log.error({}, fault);
  }

  #pump(): void {
    // `flying` is bounded, and mqtt.js repeats those after a reconnection; all other messages wait here, in order.
    while (this.#client && this.#ready && this.#flying < this.#limits.inFlight) {
      const message = this.#waiting.take();
      if (!message) break;
      const { topic, payload, qos, retain } = message;
      this.#flying++;
      this.#sent++;
      this.#client.publish(topic, payload, { qos, retain }, (error) => {
        this.#flying--;
        if (error) {
          this.#count('publish-failed');
          this.#options.log.warn({ topic, error: error.message }, 'the broker did not take a message');
        }
        this.#pump();
      });
    }
    if (this.#flying === 0 && this.#waiting.count === 0) this.#onIdle();
  }

  #count(reason: string): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }
}

function willOf(presence: Presence) {
  const { topic, payload, qos, retain } = presence('offline');
  return { topic, payload: Buffer.from(payload), qos, retain };
}
