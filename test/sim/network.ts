// The network and the broker between simulated machines and the coordinator: `Dial` on one side, `Bus` on the other. It delays, drops QoS
// 0, repeats QoS 1, cuts machines off from the broker and leaves connections half open, and never does anything that MQTT 3.1.1 over TCP
// forbids: within a connection messages of one topic arrive in order, none of QoS 1 is lost while it lasts, and nothing survives it (clean
// sessions). Messages stay bytes. Chance comes from the seed alone.

import { FleetError } from '@blackroad/protocol';
import type { Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Arrived, Bus, BusMessage } from '../../coordinator/src/bus/bus.ts';
import { createRetainedStore, type RetainedStore } from '../../coordinator/src/bus/retained.ts';
import { mayPublish } from '../../coordinator/src/bus/rights.ts';
import { type Claim, type Gate, recheckMs } from '../../coordinator/src/fleet/gate.ts';
import { ConnectProblem } from '../../node-agent/src/identity/trust.ts';
import type { Dial, Link, LinkOptions } from '../../node-agent/src/transport/dial.ts';
import type { ProcessClock, Timeline } from './timeline.ts';
import { asSaid, asTold, type Version } from './versions.ts';

export interface NetworkOptions {
  latencyMs: number;
  /** For messages of QoS 0. */
  dropRate: number;
  /** For messages of QoS 1. */
  repeatRate: number;
  /** Whether messages of different topics may overtake each other, as in clustered brokers. */
  reorders: boolean;
}
export interface NetworkCounts {
  delivered: number;
  delayed: number;
  dropped: number;
  repeated: number;
  reordered: number;
}
/** The callbacks of the world: each message when it reaches the other side. */
export interface NetworkWatch {
  fromNode(machine: string, message: BusMessage): void;
  toNode(machine: string, node: string, message: BusMessage): void;
  toCoordinator(topic: string, payload: string, node: string | null): void;
  connection(machine: string, text: string): void;
  /** Called when the broker admits a connection. */
  admitted(connection: Admission): void;
}
/** A connection that the broker admitted, with the key it proved. */
export interface Admission {
  readonly id: number;
  readonly machine: string;
  readonly node: string;
  readonly keyFingerprint: string;
}

/** A process on a machine that connects under a node's name. */
export interface Dialler {
  machine: string;
  clock: ProcessClock;
  node: () => string;
  keyFingerprint: () => string;
  certificateExpiresMs: () => number;
  version: Version;
}

interface Packet {
  message: BusMessage | null;
  deliver: () => void;
}
/** One direction of one connection, or of one topic in it where messages may overtake each other. */
interface Lane {
  queue: (Packet & { dueMs: number })[];
  recent: BusMessage[];
  timer: Timer | null;
}
interface Connection {
  id: number;
  dialler: Dialler;
  node: string;
  claim: Claim & { kind: 'node' };
  keepaliveMs: number;
  will: { topic: string; payload: string } | null;
  subscriptions: string[];
  up: Map<string, Lane>;
  down: Map<string, Lane>;
  clientOpen: boolean;
  /** The client closed it, or its process ended: what is still on its way arrives nowhere. */
  clientGone: boolean;
  brokerOpen: boolean;
  clientWatch: Timer | null;
  brokerWatch: Timer | null;
  options: LinkOptions;
  /** Fails messages that wait for a PUBACK, and notifies the transport. */
  lose: (reason: string) => void;
}

const dialDeadlineMs = 15_000;
const requestDeadlineMs = 15_000;

export class Network {
  readonly counts: NetworkCounts = { delivered: 0, delayed: 0, dropped: 0, repeated: 0, reordered: 0 };
  readonly options: NetworkOptions;
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #watch: NetworkWatch;
  /** The reasons why a machine cannot reach the broker; empty: it can. */
  readonly #cuts = new Map<string, Set<string>>();
  /** The blocked direction of a machine: a firewall without its state, a full buffer in the path. */
  readonly #halfCuts = new Map<string, 'up' | 'down'>();
  readonly #lostBeats = new Map<string, number[]>();
  readonly #connections = new Set<Connection>();
  /** The time of the last message from each machine at the broker. */
  readonly heardMs = new Map<string, number>();
  #broker: { clock: ProcessClock; gate: Gate; onMessage: (message: Arrived) => void; retained: RetainedStore } | null =
    null;
  #nextId = 1;

  constructor(timeline: Timeline, random: Random, options: NetworkOptions, watch: NetworkWatch) {
    this.#timeline = timeline;
    this.#random = random;
    this.options = options;
    this.#watch = watch;
  }

  // Faults of the path.

  cut(machine: string, cause: string): void {
    const causes = this.#cuts.get(machine) ?? new Set();
    this.#cuts.set(machine, causes.add(cause));
    this.look();
  }
  heal(machine: string, cause: string): void {
    this.#cuts.get(machine)?.delete(cause);
    this.look();
  }
  /** Blocks one direction alone; null: both are open. */
  cutHalf(machine: string, direction: 'up' | 'down' | null): void {
    if (direction) this.#halfCuts.set(machine, direction);
    else this.#halfCuts.delete(machine);
    this.look();
  }
  /** Whether at least one direction is blocked. */
  isCut(machine: string): boolean {
    return this.#halfCuts.has(machine) || !this.#passes(machine, 'up');
  }
  #passes(machine: string, direction: 'up' | 'down'): boolean {
    return (this.#cuts.get(machine)?.size ?? 0) === 0 && this.#halfCuts.get(machine) !== direction;
  }
  /** Whether both ends of this node's connection exist and both directions are open. */
  isConnected(machine: string): boolean {
    if (this.isCut(machine)) return false;
    for (const { dialler, clientOpen, brokerOpen } of this.#connections)
      if (dialler.machine === machine && clientOpen && brokerOpen) return true;
    return false;
  }
  /** The connections that the broker has. */
  admitted(): Admission[] {
    return [...this.#connections].filter(({ brokerOpen }) => brokerOpen).map(admissionOf);
  }
  connectionsOf(node: string): number {
    let count = 0;
    for (const each of this.#connections) if (each.node === node && each.brokerOpen) count++;
    return count;
  }
  /** A process ended. `tells`: its kernel still closes its sockets; a power cut closes none. */
  processEnded(clock: ProcessClock, tells: boolean): void {
    for (const connection of [...this.#connections]) {
      if (connection.dialler.clock !== clock) continue;
      this.#clientGoes(connection);
      clearLanes(connection.up);
      if (tells) this.#afterPath(connection, () => this.#brokerClose(connection, true));
    }
    this.look();
  }
  /** Updates all connections after every cut, heal, pause and end. */
  look(): void {
    for (const connection of this.#connections) {
      const { dialler } = connection;
      const reachable = this.#passes(dialler.machine, 'up') || this.#passes(dialler.machine, 'down');
      const clientSpeaks = this.#passes(dialler.machine, 'up') && connection.clientOpen && !dialler.clock.paused;
      const brokerSpeaks =
        !this.isCut(dialler.machine) && connection.brokerOpen && this.#broker !== null && !this.#broker.clock.paused;
      const rest = () => connection.keepaliveMs * (1.5 - this.#random.next());
      if (connection.brokerOpen && !clientSpeaks)
        connection.brokerWatch ??= this.#timeline.after(rest(), () => this.#brokerClose(connection, true));
      else {
        connection.brokerWatch?.cancel();
        connection.brokerWatch = null;
      }
      if (connection.clientOpen && !brokerSpeaks)
        connection.clientWatch ??= this.#timeline.after(rest(), () => {
          connection.clientWatch = null;
          this.#whenRunning(dialler.clock, () => this.#clientClose(connection, 'the broker does not answer pings'));
        });
      else {
        connection.clientWatch?.cancel();
        connection.clientWatch = null;
      }
      if (!reachable) continue;
      for (const lane of connection.up.values()) this.#pump(connection, lane, 'up');
      for (const lane of connection.down.values()) this.#pump(connection, lane, 'down');
    }
  }

  // The coordinator's side.

  /** The embedded broker of one coordinator process: it begins empty and ends with it. */
  busOf(clock: ProcessClock, gate: Gate): Bus {
    let received = 0;
    let sent = 0;
    return {
      start: async (onMessage) => {
        this.#broker = {
          clock,
          gate,
          onMessage: (message) => {
            received++;
            onMessage(message);
          },
          retained: createRetainedStore(),
        };
        clock.every(recheckMs, () => this.#recheck(gate));
      },
      publish: (messages) => {
        if (this.#broker?.clock !== clock || !clock.alive) return;
        for (const message of messages) {
          sent++;
          this.#forward(message);
        }
      },
      disconnect: (node) => {
        if (this.#broker?.clock !== clock || !clock.alive) return;
        for (const connection of [...this.#connections])
          if (connection.node === node && connection.brokerOpen) this.#brokerClose(connection, true);
      },
      stats: () => ({ connections: this.#connections.size, received, sent, refused: {}, stalled: 0 }),
      stop: async () => this.brokerEnded(clock),
    };
  }
  #recheck(gate: Gate): void {
    for (const connection of [...this.#connections]) {
      const admitted = connection.brokerOpen ? gate(connection.claim) : null;
      if (admitted?.as !== 'refused') continue;
      this.#watch.connection(connection.dialler.machine, `is cut: ${admitted.reason}`);
      this.#brokerClose(connection, true);
    }
  }
  brokerEnded(clock: ProcessClock): void {
    if (this.#broker?.clock !== clock) return;
    this.#broker = null;
    for (const connection of [...this.#connections]) {
      connection.brokerOpen = false;
      connection.brokerWatch?.cancel();
      clearLanes(connection.down);
      clearLanes(connection.up);
      this.#afterPath(connection, () =>
        this.#whenRunning(connection.dialler.clock, () => this.#clientClose(connection, 'the broker closed it')),
      );
    }
    this.look();
  }
  /** Publishes a message of people's tools. False: no coordinator runs. */
  say(topic: string, payload: string): boolean {
    const broker = this.#broker;
    if (!broker) return false;
    this.#timeline.after(this.#latency(), () => {
      if (this.#broker === broker) this.#whenRunning(broker.clock, () => this.#arrive(topic, payload, null));
    });
    return true;
  }

  // A node's side.

  dialOf(dialler: Dialler): Dial {
    return (options) => new Promise((resolve, reject) => this.#dial(dialler, options, resolve, reject));
  }

  #dial(
    dialler: Dialler,
    options: LinkOptions,
    resolve: (link: Link) => void,
    reject: (problem: ConnectProblem) => void,
  ): void {
    const { clock } = dialler;
    let over = false;
    const end = (act: () => void) => {
      if (over || !clock.alive) return;
      over = true;
      deadline.cancel();
      act();
    };
    const deadline = clock.after(dialDeadlineMs, () => end(() => reject(new ConnectProblem('no answer'))));
    options.signal.addEventListener('abort', () => end(() => reject(new ConnectProblem('stopped'))));
    const attempt = () => {
      if (over || !clock.alive) return;
      const broker = this.#broker;
      if (this.isCut(dialler.machine) || broker?.clock.paused) {
        this.#timeline.after(1_000, attempt);
        return;
      }
      if (!broker) {
        clock.after(this.#latency(), () => end(() => reject(new ConnectProblem('connection refused'))));
        return;
      }
      const claim = { kind: 'node', node: dialler.node(), keyFingerprint: dialler.keyFingerprint() } as const;
      // The TLS layer refuses an expired certificate before the rule of admission is applied.
      const isOver = dialler.certificateExpiresMs() < broker.clock.nowMs();
      const admitted = broker.gate(isOver ? { kind: 'stranger', reason: 'certificate-expired' } : claim);
      if (admitted.as !== 'node') {
        const reason = admitted.as === 'refused' ? admitted.reason : 'not a node';
        this.#watch.connection(dialler.machine, `is refused: ${reason}`);
        clock.after(this.#latency(), () => end(() => reject(new ConnectProblem(`refused: ${reason}`, true))));
        return;
      }
      const connection = this.#connected(dialler, claim, options);
      this.#send(connection, 'down', {
        message: null,
        deliver: () =>
          end(() => {
            // The broker closed the connection while its answer was in transit.
            if (!connection.brokerOpen) return reject(new ConnectProblem('connection reset'));
            connection.clientOpen = true;
            this.look();
            resolve(this.#linkOf(connection));
          }),
      });
    };
    this.#timeline.after(2 * this.#latency(), attempt);
  }

  /** A node's request over HTTPS: its packets take the same path, and fail while that is cut. */
  request<T>({ machine, clock }: Dialler, answer: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (act: () => void) => {
        if (over || !clock.alive) return;
        over = true;
        deadline.cancel();
        act();
      };
      const fail = () => reject(new FleetError('no-coordinator'));
      const deadline = clock.after(requestDeadlineMs, () => end(fail));
      const back = (act: () => void) =>
        this.#timeline.after(this.#latency(), () => {
          if (!this.isCut(machine)) this.#whenRunning(clock, () => end(act));
        });
      this.#timeline.after(2 * this.#latency(), () => {
        const broker = this.#broker;
        if (this.isCut(machine)) return;
        if (!broker) {
          back(fail);
          return;
        }
        const said = (act: () => void) => {
          if (broker.clock.alive) back(act);
        };
        this.#whenRunning(broker.clock, () => {
          answer().then(
            (value) => said(() => resolve(value)),
            (error) => said(() => reject(error)),
          );
        });
      });
    });
  }

  #connected(dialler: Dialler, claim: Connection['claim'], options: LinkOptions): Connection {
    const { node } = claim;
    for (const old of [...this.#connections])
      if (old.node === node && old.brokerOpen) {
        // The broker drops the will of a connection when its node has a newer one.
        this.#brokerClose(old, false);
      }
    const connection: Connection = {
      id: this.#nextId++,
      dialler,
      node,
      claim,
      keepaliveMs: options.keepaliveS * 1000,
      will: options.will,
      subscriptions: [],
      up: new Map(),
      down: new Map(),
      clientOpen: false,
      clientGone: false,
      brokerOpen: true,
      clientWatch: null,
      brokerWatch: null,
      options,
      lose: () => {},
    };
    this.#connections.add(connection);
    this.#watch.connection(dialler.machine, `connects as ${node}`);
    this.#watch.admitted(admissionOf(connection));
    this.look();
    return connection;
  }

  #linkOf(connection: Connection): Link {
    const { options } = connection;
    const pending = new Set<(problem: ConnectProblem) => void>();
    connection.lose = (reason) => {
      const problem = new ConnectProblem(reason);
      for (const fail of [...pending]) fail(problem);
      pending.clear();
      options.onClose(problem);
    };
    return {
      publish: (topic, text, qos, retain) =>
        new Promise((done, fail) => {
          if (!connection.clientOpen) return fail(new ConnectProblem('not connected'));
          const [said, ...more] = asSaid(connection.dialler.version, { topic, payload: text });
          const { payload } = said;
          for (const other of more) {
            this.#watch.fromNode(connection.dialler.machine, { ...other, qos: 1, retain: false });
            this.#send(connection, 'up', this.#published(connection, { ...other, qos: 1, retain: false }));
          }
          this.#watch.fromNode(connection.dialler.machine, { topic, payload, qos, retain });
          if (qos === 0) {
            if (this.#random.next() < this.options.dropRate) this.#drop(connection.dialler.machine, topic);
            else this.#send(connection, 'up', this.#published(connection, { topic, payload, qos, retain }));
            return done();
          }
          pending.add(fail);
          const acknowledged = () => {
            if (!pending.delete(fail)) return;
            done();
          };
          const packet = this.#published(connection, { topic, payload, qos, retain }, acknowledged);
          this.#send(connection, 'up', packet);
        }),
      subscribe: (filters) =>
        new Promise((done, fail) => {
          if (!connection.clientOpen) return fail(new ConnectProblem('not connected'));
          pending.add(fail);
          const deliver = () => {
            connection.subscriptions.push(...filters);
            this.#send(connection, 'down', { message: null, deliver: () => pending.delete(fail) && done() });
            for (const filter of filters)
              for (const { topic, payload, qos } of this.#broker?.retained.match(filter) ?? [])
                this.#toClient(connection, { topic, payload: payload.toString(), qos, retain: true });
          };
          this.#send(connection, 'up', { message: null, deliver });
        }),
      get backlogBytes() {
        let bytes = 0;
        for (const { queue } of connection.up.values())
          for (const { message } of queue) bytes += message?.payload.length ?? 0;
        // The kernel buffers this much of the data.
        return Math.max(0, bytes - 64 * 1024);
      },
      end: async () => {
        if (!connection.clientOpen) return;
        this.#send(connection, 'up', { message: null, deliver: () => this.#brokerClose(connection, false) });
        connection.lose = () => {};
        this.#clientGoes(connection);
        this.look();
      },
      destroy: (reason) => {
        if (!connection.clientOpen) return;
        // Like a destroyed socket: its end is reported in a later turn.
        this.#timeline.soon(() => connection.dialler.clock.alive && this.#clientClose(connection, reason));
      },
    };
  }

  // Packets on a lane.

  #published(connection: Connection, message: BusMessage, acknowledged?: () => void): Packet {
    return {
      message,
      deliver: () => {
        if (message.topic.includes('/state') && message.retain && this.#broker)
          this.#broker.retained.set({ ...message, payload: Buffer.from(message.payload) });
        if (mayPublish({ as: 'node', node: connection.node }, message.topic))
          this.#arrive(message.topic, message.payload, connection.node);
        if (acknowledged) this.#send(connection, 'down', { message: null, deliver: acknowledged });
      },
    };
  }
  #arrive(topic: string, payload: string, node: string | null): void {
    const broker = this.#broker;
    if (!broker?.clock.alive) return;
    this.counts.delivered++;
    this.#watch.toCoordinator(topic, payload, node);
    broker.onMessage({ topic, payload: Buffer.from(payload), retained: false });
  }
  #forward(message: BusMessage): void {
    if (message.retain) this.#broker?.retained.set({ ...message, payload: Buffer.from(message.payload) });
    for (const connection of this.#connections) {
      if (!connection.brokerOpen || !connection.subscriptions.some((filter) => matches(filter, message.topic)))
        continue;
      this.#toClient(connection, { ...message, retain: false });
    }
  }
  #toClient(connection: Connection, message: BusMessage): void {
    if (message.qos === 0 && this.#random.next() < this.options.dropRate) {
      this.counts.dropped++;
      return;
    }
    const deliver = () => {
      this.counts.delivered++;
      this.#watch.toNode(connection.dialler.machine, connection.node, message);
      const payload = asTold(connection.dialler.version, message);
      connection.options.onMessage(message.topic, Buffer.from(payload), message.retain);
    };
    this.#send(connection, 'down', { message, deliver });
  }

  #drop(machine: string, topic: string): void {
    this.counts.dropped++;
    if (!topic.endsWith('/health')) return;
    const beats = this.#lostBeats.get(machine) ?? [];
    this.#lostBeats.set(machine, [...beats.slice(-9), this.#timeline.nowMs]);
  }
  /** The number of heartbeats that it dropped in the last `ms`. */
  lostBeats(machine: string, ms: number): number {
    return (this.#lostBeats.get(machine) ?? []).filter((atMs) => this.#timeline.nowMs - atMs <= ms).length;
  }

  #latency(): number {
    const { latencyMs } = this.options;
    const late = this.#random.next() < 0.02;
    if (late) this.counts.delayed++;
    return latencyMs * (0.5 + this.#random.next()) * (late ? 20 : 1);
  }
  #send(connection: Connection, direction: 'up' | 'down', packet: Packet): void {
    const lanes = connection[direction];
    const key = this.options.reorders && packet.message ? packet.message.topic : '';
    let lane = lanes.get(key);
    if (!lane) {
      lane = { queue: [], recent: [], timer: null };
      lanes.set(key, lane);
    }
    if (key !== '' && lanes.size > 1) this.counts.reordered++;
    const last = lane.queue[lane.queue.length - 1]?.dueMs ?? 0;
    lane.queue.push({ ...packet, dueMs: Math.max(last, this.#timeline.nowMs + this.#latency()) });
    if (lane.queue.length === 1) this.#pump(connection, lane, direction);
  }
  /** Delivers the first packet when it is due and the receiver runs. */
  #pump(connection: Connection, lane: Lane, direction: 'up' | 'down'): void {
    const [head] = lane.queue;
    if (!head || lane.timer) return;
    lane.timer = this.#timeline.at(head.dueMs, () => {
      lane.timer = null;
      const open = direction === 'up' ? connection.brokerOpen : !connection.clientGone;
      if (!open) return clearLanes(connection[direction]);
      // The packet waits until the path is open; `look` delivers it then.
      if (!this.#passes(connection.dialler.machine, direction)) return;
      const receiver = direction === 'up' ? this.#broker?.clock : connection.dialler.clock;
      if (receiver?.paused) {
        head.dueMs = receiver.pausedUntilMs;
        return this.#pump(connection, lane, direction);
      }
      if (lane.queue.shift() !== head) return;
      if (direction === 'up') this.heardMs.set(connection.dialler.machine, this.#timeline.nowMs);
      head.deliver();
      this.#repeat(lane, head);
      this.#pump(connection, lane, direction);
    });
  }
  /** QoS 1 is at least once: the last few may be repeated, in their order [MQTT-4.6.0-1]. */
  #repeat(lane: Lane, { message, deliver }: Packet): void {
    if (message?.qos !== 1 || this.#random.next() >= this.options.repeatRate) return;
    this.counts.repeated++;
    const dueMs = lane.queue[0]?.dueMs ?? this.#timeline.nowMs + this.#latency();
    lane.queue.unshift({ message: null, deliver, dueMs });
  }

  // Ends of connections.

  #clientGoes(connection: Connection): void {
    connection.clientOpen = false;
    connection.clientGone = true;
    connection.clientWatch?.cancel();
    clearLanes(connection.down);
  }
  #clientClose(connection: Connection, reason: string): void {
    if (!connection.clientOpen) return;
    this.#clientGoes(connection);
    this.#watch.connection(connection.dialler.machine, `lost: ${reason}`);
    this.#afterPath(connection, () => this.#brokerClose(connection, true));
    connection.lose(reason);
    this.look();
  }
  #brokerClose(connection: Connection, saysWill: boolean): void {
    if (!connection.brokerOpen) return;
    connection.brokerOpen = false;
    connection.brokerWatch?.cancel();
    clearLanes(connection.up);
    const replaced = this.connectionsOf(connection.node) > 0;
    if (saysWill && !replaced && connection.will && this.#broker) {
      const { topic, payload } = connection.will;
      this.#whenRunning(this.#broker.clock, () => this.#arrive(topic, payload, connection.node));
    }
    this.#afterPath(connection, () =>
      this.#whenRunning(connection.dialler.clock, () => this.#clientClose(connection, 'the broker closed it')),
    );
    this.look();
  }
  /** The other side is notified when the path is open; while it is cut, that side's own keepalive ends the connection. */
  #afterPath(connection: Connection, act: () => void): void {
    this.#timeline.after(this.#latency(), () => {
      if (!this.isCut(connection.dialler.machine)) act();
      else if (connection.clientOpen || connection.brokerOpen)
        this.#timeline.after(1_000, () => this.#afterPath(connection, act));
      if (!connection.clientOpen && !connection.brokerOpen) this.#connections.delete(connection);
    });
  }
  #whenRunning(clock: ProcessClock, act: () => void): void {
    if (!clock.alive) return;
    if (clock.paused) this.#timeline.at(clock.pausedUntilMs, () => this.#whenRunning(clock, act));
    else act();
  }
}

function admissionOf({ id, dialler, node, claim }: Connection): Admission {
  return { id, machine: dialler.machine, node, keyFingerprint: claim.keyFingerprint };
}
function clearLanes(lanes: Map<string, Lane>): void {
  for (const lane of lanes.values()) {
    lane.timer?.cancel();
    lane.timer = null;
    lane.queue = [];
  }
}
/** The filters of nodes: exact, or with one `+` at the end. */
function matches(filter: string, topic: string): boolean {
  if (!filter.endsWith('/+')) return filter === topic;
  const stem = filter.slice(0, -1);
  return topic.startsWith(stem) && !topic.slice(stem.length).includes('/');
}
