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
import { nodeEvent } from './node-event.ts';
import type { Outbox } from './outbox.ts';

/** The one connection to the fleet. Dials out, reconnects with full jitter, never publishes while disconnected. */
export interface Transport {
  /** Starts dialling; returns at once. `onMessage` gets checked messages for this node, strictly one after the other. */
  start(handlers: TransportHandlers): void;
  readonly connected: boolean;
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

/** Unacknowledged publishes of the outbox: enough to fill a slow line, few enough to be sent twice without harm. */
const maxInFlight = 32;
/** Perishable messages that wait for their PUBACK or in the socket; more are dropped, as the line is too slow for them. */
const maxLoose = 200;
const maxBacklogBytes = 512 * 1024;
/** A broker that accepts messages and acknowledges none counts as gone, even if it answers pings. */
const ackDeadlineMs = 30_000;
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

export function createTransport(options: TransportOptions): Transport {
  const { identity, outbox, clock, random, log, boot } = options;
  const dial = options.dial ?? createMqttDial({ identity, clock });
  const { node } = identity();
  const state = (message: { state: 'online' | 'offline'; reason?: string }) =>
    encode('nodeState', { node }, { ...message, boot });
  const subscriptions = [`${filterOf('cmd/{node}', { node })}/+`, topicOf('fleetState', {})];
  const kept = new Map<string, Encoded>();

  let handlers: TransportHandlers | null = null;
  let link: Link | null = null;
  let up = false;
  let upSinceMs = 0;
  let lostMs = Number.NEGATIVE_INFINITY;
  let stopped = false;
  const stopping = new AbortController();
  let timer: Timer | null = null;
  /** Dials since the last connection. */
  let failures = 0;
  /** Connections in a row that ended within `stableMs`. */
  let shortLives = 0;
  let hangUps = 0;
  let lastProblem = '';
  let windowMs = 1_000;
  /** The outbox row sent last on this connection. */
  let cursor = 0;
  let inFlight = 0;
  let ackTimer: Timer | null = null;
  let stalled = false;
  let loose = 0;
  let looseDropped = 0;
  let toldFull = false;
  let letGo = () => {};

  const connect = async () => {
    if (stopped) return;
    /** Messages that arrive before `onUp`, in order. */
    let early: { topic: string; payload: Uint8Array; retained: boolean }[] | null = [];
    let made: Link | null = null;
    try {
      made = await dial({
        clientId: node,
        keepaliveS: options.keepaliveS,
        will: state({ state: 'offline' }),
        signal: stopping.signal,
        onMessage(topic, payload, retained) {
          if (early === null) receive(topic, payload, retained);
          else if (early.length < maxEarly) early.push({ topic, payload, retained });
        },
        onClose: (problem) => lost(made, problem),
      });
      if (stopped) return made.destroy('stopped');
      link = made;
      const birth = state({ state: 'online' });
      // Written one after the other, so the birth is first; both answers are awaited, as a refusal comes in one of them.
      await Promise.all([made.publish(birth.topic, birth.payload, 1, true), made.subscribe(subscriptions)]);
    } catch (error) {
      const problem = error instanceof ConnectProblem ? error : new ConnectProblem((error as Error).message);
      if (made === null) return retryAfter(problem);
      // Its onClose may have been called first and have set the next try.
      if (link === made) {
        link = null;
        made.destroy(problem.message);
        retryAfter(problem);
      }
      return;
    }
    if (link !== made || stopped) return;
    up = true;
    failures = 0;
    upSinceMs = clock.monotonicMs();
    cursor = 0;
    inFlight = 0;
    loose = 0;
    lastProblem = '';
    hangUps = 0;
    log.info({ node, outbox: outbox.depth }, 'connected');
    const before = [...kept];
    handlers?.onUp();
    // Messages that onUp renewed have been sent already.
    for (const [topic, message] of before) if (kept.get(topic) === message) publishLoose(message);
    const waiting = early;
    early = null;
    for (const { topic, payload, retained } of waiting) receive(topic, payload, retained);
    sayFull();
    pump();
  };

  const lost = (which: Link | null, problem: ConnectProblem) => {
    if (which === null || link !== which) return;
    link = null;
    ackTimer?.cancel();
    ackTimer = null;
    if (!up) return retryAfter(problem);
    up = false;
    lostMs = clock.monotonicMs();
    shortLives = lostMs - upSinceMs < stableMs ? shortLives + 1 : 0;
    if (stopped) return;
    log.warn({ reason: problem.message }, 'connection lost');
    if (problem.refusesUs === true) options.onNotAccepted?.();
    handlers?.onDown(problem.message);
    // All nodes lost the connection at the same moment: they return spread over the window of the coordinator.
    const delayMs = shortLives === 0 ? random.next() * windowMs : backoffMs(retry, shortLives, random);
    timer = clock.after(delayMs, connect);
  };
  const retryAfter = (problem: ConnectProblem) => {
    if (stopped) return;
    const quick = !problem.refusesUs && clock.monotonicMs() - lostMs < quickRetryMs;
    const maxMs = Math.max(quick ? quickMaxMs : retry.maxMs, windowMs);
    const delayMs = backoffMs({ ...retry, maxMs }, failures++, random);
    // Hours without the coordinator must not fill the log (and the SD card) with the same line.
    if (problem.message !== lastProblem) log.warn({ reason: problem.message }, 'no connection yet, trying again');
    lastProblem = problem.message;
    if (problem.refusesUs === 'perhaps') hangUps++;
    if (problem.refusesUs === true || hangUps >= hangUpsBeforeDoubt) {
      hangUps = 0;
      options.onNotAccepted?.();
    }
    timer = clock.after(delayMs, connect);
  };

  const receive = (topic: string, payload: Uint8Array, retained: boolean) => {
    const decoded = decode(topic, payload);
    if ('refused' in decoded) return handlers?.onRefused(topic, decoded.text);
    const row = topics[decoded.name];
    if (row.writer !== 'coordinator' || (decoded.params.node ?? node) !== node) {
      return handlers?.onRefused(topic, `${decoded.name} is not for this node`);
    }
    // A retained command would be carried out again at every connection. [decision: commands are never retained]
    if (retained && !row.retain) return handlers?.onRefused(topic, `${decoded.name} came as a retained message`);
    try {
      handlers?.onMessage(decoded);
    } catch (error) {
      if (error instanceof InvariantError) throw error;
      // One message that breaks its handler must not become a crash loop: the coordinator would send it again after each restart.
      log.error({ err: error, topic }, 'a message could not be handled');
      handlers?.onRefused(topic, `${decoded.name} could not be handled: ${(error as Error).message}`);
    }
  };

  const pump = () => {
    while (link !== null && up && inFlight < maxInFlight) {
      // With nothing in flight no PUBACK would continue the sending; the perishable messages in the socket do so when they drain.
      stalled = link.backlogBytes > maxBacklogBytes;
      if (stalled) return;
      const rows = outbox.next(cursor, maxInFlight - inFlight);
      if (rows.length === 0) return;
      for (const row of rows) {
        cursor = row.seq;
        publishRow(link, row);
      }
    }
  };
  const publishRow = (on: Link, row: ReturnType<Outbox['next']>[number]) => {
    inFlight++;
    ackTimer ??= clock.after(ackDeadlineMs, () => on.destroy('the broker acknowledges nothing'));
    on.publish(row.topic, row.payload, row.qos, row.retain).then(
      () => {
        if (link !== on) return;
        inFlight--;
        ackTimer?.cancel();
        ackTimer = null;
        if (inFlight > 0) ackTimer = clock.after(ackDeadlineMs, () => on.destroy('the broker acknowledges nothing'));
        outbox.sent(row.seq);
        pump();
      },
      // The connection ended: the row is still in the outbox and is sent first on the next one.
      () => {},
    );
  };
  const publishLoose = (message: Encoded) => {
    if (link === null || !up) return;
    if (loose >= maxLoose || link.backlogBytes > maxBacklogBytes) {
      if (looseDropped++ % 1000 === 0)
        log.warn({ dropped: looseDropped }, 'the line is too slow, messages are dropped');
      return;
    }
    const on = link;
    loose++;
    const done = () => {
      if (link !== on) return;
      loose--;
      if (stalled) pump();
    };
    on.publish(message.topic, message.payload, message.qos, message.retain).then(done, done);
  };
  /** The outbox has no room for this event, so it is sent directly, once until there is room again. */
  const sayFull = () => {
    if (outbox.depth < outbox.maxMessages / 2) toldFull = false;
    if (toldFull || !up || outbox.dropped + outbox.refused === 0 || outbox.depth < outbox.maxMessages) return;
    toldFull = true;
    const { dropped, refused, depth } = outbox;
    log.error({ dropped, refused, depth }, 'outbox is full');
    const event = nodeEvent(boot, clock.nowMs(), 'outbox-full', { dropped, refused, depth });
    publishLoose(encode('nodeEvent', { node, type: event.type }, event));
  };
  outbox.onReady = pump;

  return {
    start(given) {
      handlers = given;
      letGo = (options.hold ?? holdProcess)();
      void connect();
    },
    get connected() {
      return up;
    },
    send(name, params, message) {
      publishLoose(encode(name, params, message));
    },
    keep(name, params, message) {
      const encoded = encode(name, params, message);
      kept.set(encoded.topic, encoded);
      publishLoose(encoded);
    },
    post(key, until, name, params, message) {
      const stored = outbox.put({ key, until, ...encode(name, params, message) });
      sayFull();
      return stored;
    },
    settle(keys) {
      outbox.settle(keys);
    },
    again(key) {
      const row = link !== null && up ? outbox.row(key) : undefined;
      if (link !== null && row && row.seq <= cursor) publishRow(link, row);
    },
    repeat() {
      for (const message of kept.values()) publishLoose(message);
      cursor = 0;
      pump();
    },
    get outboxDepth() {
      return outbox.depth;
    },
    unsettledKeys: () => outbox.unsettledKeys(),
    setReconnectWindow(ms) {
      windowMs = ms;
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      timer?.cancel();
      const last = link;
      const deadline = sleep(clock, goodbyeMs);
      if (last !== null && up) {
        const { topic, payload } = state({ state: 'offline', reason: stoppedReason });
        const goodbye = last.publish(topic, payload, 1, true).then(() => last.end());
        await Promise.race([goodbye.catch(() => {}), deadline]);
      }
      up = false;
      link = null;
      ackTimer?.cancel();
      stopping.abort();
      last?.destroy('stopped');
      letGo();
    },
  };
}
