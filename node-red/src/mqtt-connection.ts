// One MQTT 5 connection to the door for people, kept for all nodes of a flow: opened when it is needed, opened again with backoff while somebody
// listens, its subscriptions with it. In: topics to listen on, messages to publish. Out: what came, or a Trouble in words of the fleet.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import { Hearing } from './hearing.ts';
import type { Place } from './place.ts';
import { Trouble, troubleOfConnection } from './trouble.ts';

const connectMs = 5_000;
/** The door waits ten seconds for the coordinator. */
const answerMs = 15_000;
const away: Backoff = { firstMs: 500, maxMs: 15_000 };
/** A key that is wrong stays so until somebody changes it. */
const forPeopleMs = 60_000;

/** Kept over connections. */
interface Kept {
  onMessage(topic: string, payload: string): void;
  onTrouble(trouble: Trouble | null): void;
  /** It is back after so long, in seconds. */
  onGap(awayS: number): void;
}
type PublishProperties = NonNullable<IPublishPacket['properties']>;

export class MqttConnection {
  /** Called when a connection that there was is lost. */
  onLost: (trouble: Trouble) => void = () => {};
  readonly #place: Place;
  readonly #parts: { clock: Clock; random: Random };
  readonly #hearings = new Set<Hearing>();
  readonly #kept = new Map<string, Kept>();
  /** Filters of the present connection. */
  #subscribed = new Set<string>();
  /** Of what is kept, the filters that the key may not read. The door ends the connection when the rights of a key change. */
  readonly #refused = new Map<string, Trouble>();
  #client: MqttClient | null = null;
  #opening: Promise<MqttClient> | null = null;
  #timer: Timer | null = null;
  #failures = 0;
  #lostMs: number | null = null;
  #isClosed = false;

  constructor(place: Place, parts: { clock: Clock; random: Random }) {
    this.#place = place;
    this.#parts = parts;
  }

  async connected(signal?: AbortSignal): Promise<MqttClient> {
    if (this.#isClosed || signal?.aborted) throw new Trouble('stopped', 'the flow was stopped');
    if (this.#client?.connected) return this.#client;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async publish(topic: string, payload: string, properties: PublishProperties): Promise<void> {
    const client = await this.connected();
    await this.#untilClose(client, (done) => client.publish(topic, payload, { qos: 1, properties }, done));
  }

  /** What comes on topics of `filter`, or on the topic `wanted` of it alone, until its `end`. */
  async listenOn(filter: string, { signal, wanted }: { signal: AbortSignal; wanted?: string }): Promise<Hearing> {
    const options = { clock: this.#parts.clock, signal, filter, topic: wanted ?? filter };
    const hearing = new Hearing(options, () => {
      this.#hearings.delete(hearing);
      // Answers are listened for until the end: the next question has the same filter.
      const isNeeded = wanted !== undefined || [...this.#hearings].some((each) => each.filter === filter);
      if (isNeeded || !this.#subscribed.delete(filter)) return;
      this.#client?.unsubscribe(filter);
    });
    this.#hearings.add(hearing);
    try {
      const client = await this.connected(signal);
      // A retained message comes with each subscription anew; answers are no such.
      if (wanted === undefined || !this.#subscribed.has(filter)) await this.#subscribe(client, filter);
    } catch (error) {
      // A question waits for a connection that comes; it is subscribed to with that.
      if (wanted === undefined || !(error instanceof Trouble) || !error.mayPass) {
        hearing.end();
        throw error;
      }
    }
    return hearing;
  }
  keepOn(filter: string, kept: Kept): { end(): void } {
    this.#kept.set(filter, kept);
    this.connected()
      .then((client) => this.#subscribedTo(client, filter))
      .then(
        () => kept.onTrouble(null),
        (error: Trouble) => kept.onTrouble(error),
      );
    return {
      end: () => {
        this.#kept.delete(filter);
        this.#refused.delete(filter);
        if (this.#subscribed.delete(filter)) this.#client?.unsubscribe(filter);
      },
    };
  }
  async #subscribedTo(client: MqttClient, filter: string): Promise<void> {
    const refused = this.#refused.get(filter);
    if (refused) throw refused;
    if (!this.#subscribed.has(filter)) await this.#subscribe(client, filter);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#client?.end(true);
    for (const hearing of [...this.#hearings]) hearing.end();
  }

  async #open(): Promise<MqttClient> {
    const { default: mqtt } = await import('mqtt');
    const { url, key, keyId, ca } = this.#place;
    const options: IClientOptions = {
      username: keyId,
      password: key,
      protocolVersion: 5,
      clientId: `node-red-${this.#parts.random.hex(8)}`,
      reconnectPeriod: 0,
      connectTimeout: connectMs,
      keepalive: 30,
      ...(ca ? { ca } : {}),
    };
    const client = mqtt.connect(url, options);
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('connect', () => resolve());
        client.once('error', (error) => reject(this.#troubleOf(error, {})));
        client.once('close', () => reject(new Trouble('away', `${url} closed the connection`)));
      });
      // Without a listener an error would end Node-RED; what it means is known by its end.
      client.on('error', () => {});
      client.on('message', (topic, payload) => this.#heard(topic, payload.toString('utf8')));
      client.once('close', () => this.#lost(client));
      this.#subscribed = new Set();
      this.#refused.clear();
      const filters = new Set([...this.#kept.keys(), ...[...this.#hearings].map(({ filter }) => filter)]);
      for (const filter of filters)
        await this.#subscribe(client, filter).catch((error: unknown) => {
          // Whoever wants it is told; a key that may not read events may ask all the same.
          if (!isRefusal(error)) throw error;
        });
    } catch (error) {
      client.on('error', () => {});
      client.end(true);
      const trouble = troubleOfConnection(url, error);
      this.#again(trouble);
      throw trouble;
    }
    if (this.#isClosed) client.end(true);
    this.#client = client;
    this.#back();
    return client;
  }
  #back(): void {
    this.#failures = 0;
    const awayMs = this.#lostMs === null ? null : this.#parts.clock.monotonicMs() - this.#lostMs;
    this.#lostMs = null;
    for (const [filter, kept] of this.#kept) {
      const refused = this.#refused.get(filter) ?? null;
      if (awayMs !== null && refused === null) kept.onGap(Math.ceil(awayMs / 1000));
      kept.onTrouble(refused);
    }
    if (awayMs !== null) for (const hearing of this.#hearings) hearing.onBack?.();
  }
  #lost(client: MqttClient): void {
    client.end(true);
    if (this.#client !== client) return;
    this.#client = null;
    this.#lostMs ??= this.#parts.clock.monotonicMs();
    if (this.#isClosed) return;
    const trouble = new Trouble('away', `${this.#place.url} closed the connection`);
    this.onLost(trouble);
    this.#again(trouble);
  }
  /** Tries again where somebody listens. */
  #again(trouble: Trouble): void {
    for (const kept of this.#kept.values()) kept.onTrouble(trouble);
    this.#timer?.cancel();
    if (this.#isClosed) return;
    const { clock, random } = this.#parts;
    const ms = trouble.mayPass ? backoffMs(away, this.#failures++, random) : forPeopleMs;
    this.#timer = clock.after(ms, () => {
      if (this.#kept.size > 0 || this.#hearings.size > 0) this.connected().catch(() => {});
    });
  }

  async #subscribe(client: MqttClient, filter: string): Promise<void> {
    await this.#untilClose(client, (done) =>
      client.subscribe(filter, { qos: 1 }, (error, _granted, packet) => done(error, packet)),
    ).catch((error: unknown) => {
      if (isRefusal(error) && this.#kept.has(filter)) this.#refused.set(filter, error);
      throw error;
    });
    this.#subscribed.add(filter);
  }
  /** `run` calls back with what was answered; a connection that closes, or says nothing for too long, is away. */
  async #untilClose(
    client: MqttClient,
    run: (done: (error: Error | null | undefined, packet?: unknown) => void) => void,
  ): Promise<void> {
    let cleared = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const gone = () => reject(new Trouble('away', `${this.#place.url} went away before it answered`));
        const timer = this.#parts.clock.after(answerMs, gone, true);
        client.once('close', gone);
        cleared = () => {
          timer.cancel();
          client.off('close', gone);
        };
        run((error, packet) => {
          if (error) reject(this.#troubleOf(error, (packet as Answered | undefined) ?? {}));
          else resolve();
        });
      });
    } finally {
      cleared();
    }
  }
  #heard(topic: string, payload: string): void {
    for (const hearing of [...this.#hearings]) hearing.take(topic, payload);
    for (const [filter, kept] of this.#kept) if (isTopicOf(filter, topic)) kept.onMessage(topic, payload);
  }

  #troubleOf(error: Error & { code?: unknown }, { properties, granted = [] }: Answered): Trouble {
    const said = properties?.reasonString ?? error.message;
    const refusing = typeof error.code === 'number' ? error.code : granted.find((code) => code >= firstRefusal);
    if (refusing === undefined) return troubleOfConnection(this.#place.url, error);
    const kind = kinds[refusing];
    if (kind === 'key' && error.message.startsWith('Connection refused'))
      return new Trouble('wrong-key', `${this.#place.url} does not know this key, or not any more`);
    return new Trouble(kind === 'key' ? 'no-permission' : (kind ?? 'refused'), said, { cause: error });
  }
}

/** A packet that refuses. Of a subscription the reason stands in it alone: the client's error has no code. */
interface Answered {
  properties?: { reasonString?: string } | null;
  granted?: readonly number[];
}
const firstRefusal = 0x80;
/** By the reason codes of MQTT 5; docs/mqtt.md has those that the door uses. */
const kinds: Readonly<Record<number, 'key' | 'away' | 'busy'>> = {
  131: 'away',
  134: 'key',
  135: 'key',
  136: 'away',
  137: 'busy',
  151: 'busy',
};

const isRefusal = (error: unknown): error is Trouble => error instanceof Trouble && error.kind === 'no-permission';

function isTopicOf(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = filter.split('/');
  return wanted.length === levels.length && wanted.every((level, i) => level === '+' || level === levels[i]);
}
