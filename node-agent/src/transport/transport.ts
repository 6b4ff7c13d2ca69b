// A node's one connection to the fleet: after each connect the birth is sent first, then the kept messages, then the outbox in order; a
// lost connection is dialled again with jitter. In: messages of node.ts and of the coordinator. Out: bytes on the wire, checked messages.
// It never publishes while disconnected and does not interpret messages.
import {
  type Decoded,
  decode,
  type Encoded,
  encode,
  filterOf,
  stoppedReason,
  type TopicMessage,
  type TopicName,
  type TopicParams,
  topicOf,
  topics,
} from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import { type Clock, sleep, type Timer } from '@blackroad/std/clock';
import { holdProcess } from '@blackroad/std/hold-process';
import { InvariantError } from '@blackroad/std/invariant';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Identity } from '../identity/identity.ts';
import { ConnectProblem } from '../identity/trust.ts';
import { createMqttDial, type Dial, type Link } from './dial.ts';
import { Line } from './line.ts';
import { nodeEvent } from './node-event.ts';
import type { Outbox } from './outbox.ts';

/** The one connection to the fleet. Dials out, reconnects with full jitter, never publishes while disconnected. */
export interface Transport {
  /** Starts dialling; returns at once. `onMessage` gets checked messages for this node, strictly one after the other. */
  start(handlers: TransportHandlers): void;
  readonly connected: boolean;
  /** Of this machine, at its own end of the present connection. */
  readonly address?: string | undefined;
  /** Perishable: sent when connected, else dropped (heartbeats, chunks, progress). */
  send<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): void;
  /** Sent when connected; the latest message of a key is stored and sent again after every reconnection: inventory, capacity. */
  keep<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): void;
  /**
   * Durable: stored in the outbox before it returns, sent in order, and again after every reconnection until `settle(key)` where `until` is
   * `settled`, or until the broker's PUBACK where it is `sent`. False when the outbox is full of unsettled rows.
   */
  post<N extends TopicName>(
    key: string,
    until: 'settled' | 'sent',
    name: N,
    params: TopicParams,
    message: TopicMessage<N>,
  ): boolean;
  settle(keys: readonly string[]): void;
  /** Sends the row of this key once more, if it was sent on this connection and is not settled. */
  again(key: string): void;
  /** Sends kept messages and unsettled rows once more: another coordinator that answers now may never have stored them. */
  repeat(): void;
  readonly outboxDepth: number;
  /** Keys posted with `settled` that are not settled yet, also those of earlier runs of the process. */
  unsettledKeys(): string[];
  /** Spreads the next reconnections over this window, as the coordinator asked. */
  setReconnectWindow(ms: number): void;
  /** Publishes a clean stop (`offline`, reason `stopped`) within 1 s and closes. */
  stop(): Promise<void>;
}

interface TransportHandlers {
  onUp(): void;
  onDown(reason: string): void;
  onMessage(message: Decoded): void;
  /** A message that could not be decoded, or one on an unknown topic. */
  onRefused(topic: string, text: string): void;
}

export interface TransportOptions {
  /** Read at every connection: it may have been renewed. */
  identity: () => Identity;
  outbox: Outbox;
  clock: Clock;
  random: Random;
  log: Log;
  keepaliveS: number;
  /** Of this run of the process; part of the birth and of the will. */
  boot: string;
  /** The broker does not accept this node's certificate: check whether it must be renewed. */
  onNotAccepted?: () => void;
  dial?: Dial;
  /** Keeps the process alive until the returned function is called; the simulator needs none. */
  hold?: () => () => void;
}

const retry = { firstMs: 1_000, maxMs: 30_000 };
/** A coordinator that restarts is back in seconds. For so long after a loss the waits stay as short as its reconnect window: doubled waits
 * made the last of 300 nodes return 18 s after a restart of 4 s. [M] */
const quickRetryMs = 60_000;
const quickMaxMs = 2_000;
/** After a connection shorter than this the next wait is longer: a broker that accepts and then closes must not be flooded with tries. */
const stableMs = 10_000;
/** A busy broker closes connections too; only one that does so again and again does not accept us. */
const hangUpsBeforeDoubt = 5;
const goodbyeMs = 1_000;
/** Messages that arrive before `onUp`: the retained fleet state and the coordinator's first messages. */
const maxEarly = 100;

interface Arrived {
  topic: string;
  payload: Uint8Array;
  retained: boolean;
}

export function createTransport(options: TransportOptions): Transport {
  return new FleetConnection(options);
}

class FleetConnection implements Transport {
  readonly #options: TransportOptions;
  readonly #node: string;
  readonly #dial: Dial;
  readonly #kept = new Map<string, Encoded>();
  #handlers: TransportHandlers | null = null;
  #link: Link | null = null;
  /** Null: not connected. */
  #line: Line | null = null;
  #upSinceMs = 0;
  #lostMs = Number.NEGATIVE_INFINITY;
  #stopped = false;
  readonly #stopping = new AbortController();
  #timer: Timer | null = null;
  /** Dials since the last connection. */
  #failures = 0;
  /** Connections in a row that ended within `stableMs`. */
  #shortLives = 0;
  #hangUps = 0;
  #lastProblem = '';
  #windowMs = 1_000;
  #looseDropped = 0;
  #toldFull = false;
  #letGo = () => {};

  constructor(options: TransportOptions) {
    this.#options = options;
    const { identity, outbox, clock } = options;
    this.#node = identity().node;
    this.#dial = options.dial ?? createMqttDial({ identity, clock });
    outbox.onReady = () => this.#line?.pump();
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.#letGo = (this.#options.hold ?? holdProcess)();
    void this.#connect();
  }

  get connected(): boolean {
    return this.#line !== null;
  }

  get address(): string | undefined {
    return this.#link?.address;
  }

  send<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): void {
    const encoded = encode(name, params, message);
    this.#line?.publish(encoded);
  }

  keep<N extends TopicName>(name: N, params: TopicParams, message: TopicMessage<N>): void {
    const encoded = encode(name, params, message);
    this.#kept.set(encoded.topic, encoded);
    this.#line?.publish(encoded);
  }

  post<N extends TopicName>(
    key: string,
    until: 'settled' | 'sent',
    name: N,
    params: TopicParams,
    message: TopicMessage<N>,
  ): boolean {
    const stored = this.#options.outbox.put({ key, until, ...encode(name, params, message) });
    this.#sayFull();
    return stored;
  }

  settle(keys: readonly string[]): void {
    this.#options.outbox.settle(keys);
  }

  again(key: string): void {
    this.#line?.again(key);
  }

  repeat(): void {
    for (const message of this.#kept.values()) this.#line?.publish(message);
    this.#line?.repeat();
  }

  get outboxDepth(): number {
    return this.#options.outbox.depth;
  }

  unsettledKeys(): string[] {
    return this.#options.outbox.unsettledKeys();
  }

  setReconnectWindow(ms: number): void {
    this.#windowMs = ms;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    const last = this.#link;
    const deadline = sleep(this.#options.clock, goodbyeMs);
    if (last !== null && this.#line !== null) {
      const { topic, payload } = this.#state({ state: 'offline', reason: stoppedReason });
      const goodbye = last.publish(topic, payload, 1, true).then(() => last.end());
      await Promise.race([goodbye.catch(() => {}), deadline]);
    }
    this.#endLine();
    this.#link = null;
    this.#stopping.abort();
    last?.destroy('stopped');
    this.#letGo();
  }

  #state(message: { state: 'online' | 'offline'; reason?: string }): Encoded {
    return encode('nodeState', { node: this.#node }, { ...message, boot: this.#options.boot });
  }

  async #connect(): Promise<void> {
    if (this.#stopped) return;
    /** Messages that arrive before `onUp`, in order. */
    let early: Arrived[] | null = [];
    let made: Link | null = null;
    try {
      made = await this.#dial({
        clientId: this.#node,
        keepaliveS: this.#options.keepaliveS,
        will: this.#state({ state: 'offline' }),
        signal: this.#stopping.signal,
        onMessage: (topic, payload, retained) => {
          if (early === null) this.#receive({ topic, payload, retained });
          else if (early.length < maxEarly) early.push({ topic, payload, retained });
        },
        onClose: (problem) => this.#lost(made, problem),
      });
      if (this.#stopped) {
        made.destroy('stopped');
        return;
      }
      this.#link = made;
      await this.#introduce(made);
    } catch (error) {
      const problem = error instanceof ConnectProblem ? error : new ConnectProblem((error as Error).message);
      // Its onClose may have been called first and have set the next try.
      if (made !== null && this.#link !== made) return;
      this.#link = null;
      made?.destroy(problem.message);
      this.#retryAfter(problem);
      return;
    }
    if (this.#link !== made || this.#stopped) return;
    this.#up(made);
    const waiting = early;
    early = null;
    for (const arrived of waiting) this.#receive(arrived);
    this.#sayFull();
    this.#line?.pump();
  }

  /** Publishes the birth and subscribes. */
  async #introduce(link: Link): Promise<void> {
    const birth = this.#state({ state: 'online' });
    const subscriptions = [`${filterOf('cmd/{node}', { node: this.#node })}/+`, topicOf('fleetState', {})];
    // Written one after the other, so the birth is first; both answers are awaited, as a refusal comes in one of them.
    await Promise.all([link.publish(birth.topic, birth.payload, 1, true), link.subscribe(subscriptions)]);
  }

  #up(link: Link): void {
    const { outbox, clock, log } = this.#options;
    const onDropped = () => {
      if (this.#looseDropped++ % 1000 === 0)
        log.warn({ dropped: this.#looseDropped }, 'the line is too slow, messages are dropped');
    };
    const line = new Line({ link, outbox, clock, onDropped });
    this.#line = line;
    this.#failures = 0;
    this.#upSinceMs = clock.monotonicMs();
    this.#lastProblem = '';
    this.#hangUps = 0;
    log.info({ node: this.#node, outbox: outbox.depth }, 'connected');
    const before = [...this.#kept];
    this.#handlers?.onUp();
    // Messages that onUp renewed have been sent already.
    for (const [topic, message] of before) if (this.#kept.get(topic) === message) line.publish(message);
  }

  #endLine(): void {
    this.#line?.end();
    this.#line = null;
  }

  #lost(which: Link | null, problem: ConnectProblem): void {
    if (which === null || this.#link !== which) return;
    const { clock, log, random, onNotAccepted } = this.#options;
    const wasUp = this.#line !== null;
    this.#link = null;
    this.#endLine();
    if (!wasUp) {
      this.#retryAfter(problem);
      return;
    }
    this.#lostMs = clock.monotonicMs();
    this.#shortLives = this.#lostMs - this.#upSinceMs < stableMs ? this.#shortLives + 1 : 0;
    if (this.#stopped) return;
    log.warn({ reason: problem.message }, 'connection lost');
    if (problem.refusesUs === true) onNotAccepted?.();
    this.#handlers?.onDown(problem.message);
    // All nodes lost the connection at the same moment: they return spread over the window of the coordinator.
    const delayMs =
      this.#shortLives === 0 ? random.next() * this.#windowMs : backoffMs(retry, this.#shortLives, random);
    this.#timer = clock.after(delayMs, () => this.#connect());
  }

  #retryAfter(problem: ConnectProblem): void {
    if (this.#stopped) return;
    const { clock, log, random, onNotAccepted } = this.#options;
    const quick = !problem.refusesUs && clock.monotonicMs() - this.#lostMs < quickRetryMs;
    const maxMs = Math.max(quick ? quickMaxMs : retry.maxMs, this.#windowMs);
    const delayMs = backoffMs({ ...retry, maxMs }, this.#failures++, random);
    // Hours without the coordinator must not fill the log (and the SD card) with the same line.
    if (problem.message !== this.#lastProblem) log.warn({ reason: problem.message }, 'no connection yet, trying again');
    this.#lastProblem = problem.message;
    if (problem.refusesUs === 'perhaps') this.#hangUps++;
    if (problem.refusesUs === true || this.#hangUps >= hangUpsBeforeDoubt) {
      this.#hangUps = 0;
      onNotAccepted?.();
    }
    this.#timer = clock.after(delayMs, () => this.#connect());
  }

  #receive({ topic, payload, retained }: Arrived): void {
    const decoded = decode(topic, payload);
    if ('refused' in decoded) {
      this.#handlers?.onRefused(topic, decoded.text);
      return;
    }
    const refusal = this.#refusalOf(decoded, retained);
    if (refusal !== null) {
      this.#handlers?.onRefused(topic, refusal);
      return;
    }
    try {
      this.#handlers?.onMessage(decoded);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      // One message that breaks its handler must not become a crash loop: the coordinator would send it again after each restart.
      this.#options.log.error({ err: error, topic }, 'a message could not be handled');
      this.#handlers?.onRefused(topic, `${decoded.name} could not be handled: ${(error as Error).message}`);
    }
  }

  /** Why a message is not taken; null: it is. */
  #refusalOf({ name, params }: Decoded, retained: boolean): string | null {
    const { writer, retain } = topics[name];
    if (writer !== 'coordinator' || (params.node ?? this.#node) !== this.#node) return `${name} is not for this node`;
    // A retained command would be carried out again at every connection. [decision: commands are never retained]
    return retained && !retain ? `${name} came as a retained message` : null;
  }

  /** The outbox has no room for this event, so it is sent directly, once until there is room again. */
  #sayFull(): void {
    const { outbox, clock, log, boot } = this.#options;
    if (outbox.depth < outbox.maxMessages / 2) this.#toldFull = false;
    if (this.#toldFull || this.#line === null) return;
    if (outbox.dropped + outbox.refused === 0 || outbox.depth < outbox.maxMessages) return;
    this.#toldFull = true;
    const { dropped, refused, depth } = outbox;
    log.error({ dropped, refused, depth }, 'outbox is full');
    const event = nodeEvent(boot, clock.nowMs(), 'outbox-full', { dropped, refused, depth });
    this.#line.publish(encode('nodeEvent', { node: this.#node, type: event.type }, event));
  }
}
