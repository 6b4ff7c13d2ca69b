// The embedded broker: Aedes behind the project's own TLS listener, as a Bus.
// In: MQTT 3.1.1 over mTLS (nodes) or TLS with an API key (people). Out: `onMessage` in the order each connection sent, before
// and independent of any forwarding. It keeps no session and no queue for absent clients. No connection, known or not, may stall,
// crash or fill the others: every refusal has a reason, a counter and a (bounded) line in the log.
//
// Aedes is used for the protocol alone. Its publish path is replaced: the original takes a different number of asynchronous
// steps for each QoS and drops, as repetitions, messages that were overtaken that way; and a subscriber that does not read
// held up to a hundred messages, then everyone's.
import type { TLSSocket } from 'node:tls';
import { FleetError, maxQos2InFlight, type Principal } from '@blackroad/protocol';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { Aedes, type Client, type PublishPacket, type Subscription } from 'aedes';
import { createRefusals, type Refusals } from '../door/counted-refusals.ts';
import { type Gate, recheckMs } from '../fleet/gate.ts';
import type { MessageTold } from '../state/reply-to.ts';
import { type AedesLimits, aedesLimits } from './aedes-limits.ts';
import type { Arrived, AskRequest, Bus, BusMessage, BusStats } from './bus.ts';
import { createConnectJudge } from './connect-judge.ts';
import { Connections } from './connections.ts';
import { createDrain } from './drain.ts';
import { createListener, type Listener, type ListenerOptions } from './listener.ts';
import { isForPeople, type PublishRules, publishing, refusalWords } from './publishing.ts';
import { boundReading, tooFast } from './reading.ts';
import { createRetainedStore, type Retained } from './retained.ts';
import { mayRead, maySubscribe } from './rights.ts';
import { createSessions } from './sessions.ts';

/** `doorkeeper`: the same as the API's. */
export interface AedesBusOptions extends PublishRules {
  tls: ListenerOptions['tls'];
  host: string;
  /** 0: any free port, see `port` after the start. */
  port: number;
  gate: Gate;
  log: Log;
  clock: Clock;
  limits?: Partial<AedesLimits>;
  /** Called with each message that goes to subscribers, in order. */
  onForward?: (message: Forwarding) => void;
}
/** A message on its way to subscribers. */
export interface Forwarding {
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  /** For clients of MQTT 5. */
  told?: MessageTold;
  /** The client id of the person's program that sent it. */
  from?: string;
}
export interface AedesBus extends Bus {
  take(message: Forwarding, by: Principal, request?: AskRequest): void;
  takeRefused(message: Forwarding, by: Principal, fault: string, request?: AskRequest): void;
  retained(filter: string): Iterable<Retained>;
  /** The port it listens on; 0 before the start. */
  readonly port: number;
}

/** CONNACK [MQTT-3.2.2.3]. */
const notAuthorized = 5;
/** Fields of Aedes that its types lack. */
interface Inside {
  counter: number;
  connectedClients: number;
  clients: Record<string, Client>;
  mq: { emit(packet: object, done: () => void): void };
  unregisterClient(client: Client): void;
  publish(packet: PublishPacket, client: unknown, done?: (error?: Error | null) => void): void;
}
interface InsideClient {
  waitForDrain(done: () => void): void;
}

const stopMs = 5_000;

export function createAedesBus(options: AedesBusOptions): AedesBus {
  return new EmbeddedBroker(options);
}

class EmbeddedBroker implements AedesBus {
  readonly #options: AedesBusOptions;
  readonly #limits: AedesLimits;
  readonly #refusals: Refusals;
  readonly #retained = createRetainedStore();
  readonly #connections: Connections;
  readonly #judge: ReturnType<typeof createConnectJudge>;
  readonly #broker: Aedes;
  readonly #inside: Inside;
  readonly #listener: Listener;
  readonly #recheck: Timer;
  /** The filters of each client: Aedes' own would have to be counted for each one of a packet with hundreds. */
  readonly #granted = new WeakMap<Client, Set<string>>();
  /** Publishes that are acknowledged and go no further. */
  readonly #dropped = new WeakSet<object>();
  #onMessage: (message: Arrived) => void = () => {};
  #isStopping = false;
  #port = 0;
  #received = 0;
  #sent = 0;
  #stalled = 0;

  constructor(options: AedesBusOptions) {
    const { gate, doorkeeper, log, clock, tls, discoveryPrefix } = options;
    this.#options = options;
    const limits = { ...aedesLimits, ...options.limits };
    this.#limits = limits;
    const refusals = createRefusals(log, clock);
    this.#refusals = refusals;
    this.#connections = new Connections(gate, refusals);
    this.#judge = createConnectJudge({ gate, doorkeeper, refusals, clock, limits, discoveryPrefix });
    this.#broker = this.#createBroker();
    this.#inside = this.#broker as unknown as Inside;
    this.#replacePublish();
    this.#watchClients();
    this.#listener = createListener({
      tls,
      limits,
      refusals,
      log,
      clock,
      onSocket: (socket) => this.#connected(socket),
    });
    this.#recheck = clock.every(recheckMs, () => this.#connections.recheck());
  }

  get port(): number {
    return this.#port;
  }

  async start(receive: (message: Arrived) => void): Promise<void> {
    this.#onMessage = receive;
    await this.#broker.listen();
    const { host, port } = this.#options;
    this.#port = await this.#listener.listen(host, port).catch((cause: Error) => {
      throw new FleetError('unavailable', { detail: cause.message }, { cause });
    });
  }

  publish(messages: readonly BusMessage[]): void {
    for (const message of messages) this.#forward({ ...message, payload: Buffer.from(message.payload) });
  }

  /** A message that was allowed at another door of this coordinator. */
  take(message: Forwarding, by: Principal, request?: AskRequest): void {
    this.#arrived(message, by, request);
    this.#forward({ ...message, qos: message.qos === 0 ? 0 : 1 });
  }
  /** The same for one that was refused there. */
  takeRefused(message: Forwarding, by: Principal, fault: string, request?: AskRequest): void {
    this.#answerRefusal(message, by, fault, request);
  }
  retained(filter: string): Iterable<Retained> {
    return this.#retained.match(filter);
  }

  disconnect(node: string): void {
    (this.#connections.ofNode(node)?.conn as TLSSocket | undefined)?.destroy();
  }

  stats(): BusStats {
    return {
      connections: this.#connections.size,
      received: this.#received,
      sent: this.#sent,
      refused: this.#refusals.counts(),
      stalled: this.#stalled,
    };
  }

  async stop(): Promise<void> {
    if (this.#isStopping) return;
    const { clock, log } = this.#options;
    this.#isStopping = true; // wills are no news from here on
    this.#recheck.cancel();
    const ended = new Promise<void>((resolve) => this.#broker.close(() => resolve()));
    const stopped = Promise.all([this.#listener.close(), ended]);
    await withDeadline(clock, stopMs, stopped, () => new Error('the broker did not stop in time')).catch(
      (error: Error) => log.warn({ err: error }, 'stopped hard'),
    );
  }

  #createBroker(): Aedes {
    const connections = this.#connections;
    return new Aedes({
      persistence: createSessions(this.#retained),
      concurrency: 0, // of its emitter: unbounded, so that no reader's delay delays another message
      drainTimeout: 0, // see createDrain
      connectTimeout: this.#limits.connectMs,
      maxInflightInbound: maxQos2InFlight,
      maxClientsIdLength: 1_000, // ours are longer than MQTT 3.1 knew; the packet's size bounds them
      heartbeatInterval: 3_600_000, // of brokers to each other: we are alone
      preConnect: (client, packet, done) => {
        connections.judged(client, this.#judge(client.conn as TLSSocket, packet));
        done(null, true); // refused in `authenticate`, which answers with a code
      },
      authenticate: (client, _username, _password, done) => {
        const session = connections.session(client);
        if (session && 'who' in session) return done(null, true);
        this.#refusals.note(
          session?.refused ?? 'internal',
          connections.from(client),
          session?.text ?? 'connection refused',
        );
        const returnCode = session?.returnCode ?? notAuthorized;
        const error = Object.assign(new Error('not authorized'), { returnCode: returnCode as never });
        return done(error, false);
      },
      authorizePublish: (client, packet, done) => {
        this.#authorizePublish(client, packet);
        done(null);
      },
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#authorizeSubscribe(client, subscription) ? subscription : null),
      authorizeForward: (client, packet) => (this.#authorizeForward(client, packet) ? packet : null),
    });
  }

  #replacePublish(): void {
    const inside = this.#inside;
    inside.publish = (packet, client, done) => {
      const finish = (typeof client === 'function' ? client : (done ?? (() => {}))) as (error?: Error | null) => void;
      if (!packet.topic.startsWith('$SYS/') && !this.#dropped.delete(packet)) {
        // Only now is it certain that it is no repetition.
        if (packet.qos === 2) this.#arrived(packet, this.#connections.principal(client as Client));
        this.#forward({ ...forwardingOf(packet), qos: packet.qos === 0 ? 0 : 1 });
      }
      // Not at once: the parser is still inside this packet and must not be entered again.
      queueMicrotask(finish);
    };
    // A connection that was replaced while it closed must not remove its successor.
    const unregister = inside.unregisterClient.bind(this.#broker);
    inside.unregisterClient = (client) => {
      if (inside.clients[client.id] === client) unregister(client);
      else inside.connectedClients--;
    };
  }

  #watchClients(): void {
    const { log } = this.#options;
    const connections = this.#connections;
    // Before CONNACK, so that every client that got one can be found and ended.
    this.#broker.on('client', (client) => {
      if (!connections.opened(client)) return;
      this.#listener.known(client.conn as TLSSocket);
      log.debug(connections.from(client), 'connected');
    });
    const gone = (client: Client, error: Error) =>
      log.debug({ ...connections.from(client), error: error.message.slice(0, 200) }, 'connection ended with an error');
    this.#broker.on('unsubscribe', (filters, client) => {
      for (const filter of filters) this.#granted.get(client)?.delete(filter);
    });
    this.#broker.on('clientError', gone);
    this.#broker.on('connectionError', gone);
    (this.#broker as NodeJS.EventEmitter).on('error', (error: Error) => log.error({ err: error }, 'the broker failed'));
  }

  #connected(socket: TLSSocket): void {
    if (this.#isStopping) {
      socket.destroy();
      return;
    }
    const connections = this.#connections;
    const { clock } = this.#options;
    const limits = this.#limits;
    boundReading(socket, {
      packets: { firstBytes: limits.connectPacketBytes, bytes: limits.packetBytes },
      pace: limits.pace,
      clock,
      onFault: (fault) => {
        this.#refusals.note(fault, connections.from(client), 'connection cut: bad or oversized packet');
        socket.destroy();
      },
      onSlowed: () => this.#refusals.note('slowed', connections.from(client), tooFast),
    });
    const client = this.#broker.handle(socket);
    (client as unknown as InsideClient).waitForDrain = createDrain(socket, {
      stallMs: limits.stallMs,
      clock,
      onStall: () => this.#cut(client, 'frozen'),
    });
    socket.once('close', () => connections.closed(client));
  }

  #authorizePublish(client: Client | null, packet: PublishPacket): void {
    const fault = client ? this.#publishFault(client, packet) : 'internal';
    if (fault === null) {
      if (packet.qos !== 2) this.#arrived(packet, client ? this.#connections.principal(client) : undefined);
      return;
    }
    // Acknowledged and dropped: closing would make a node repeat the same message for ever.
    this.#dropped.add(packet);
    if (fault === 'superseded') return;
    const fields = {
      ...(client ? this.#connections.from(client) : {}),
      topic: packet.topic.slice(0, 200),
      bytes: packet.payload.length,
    };
    this.#refusals.note(fault, fields, 'publish refused');
    const by = client ? this.#connections.principal(client) : undefined;
    if (by) this.#answerRefusal(packet, by, fault);
  }
  #publishFault(client: Client, packet: PublishPacket): string | null {
    const session = this.#connections.session(client);
    if (!session || !('who' in session)) return 'internal';
    const { who } = session;
    const allowed = publishing(who, packet.topic, packet.payload.length, this.#options);
    if ('fault' in allowed) return allowed.fault;
    if (packet === session.will && who.as === 'node') {
      // The will `offline` of a connection is no longer true when its node has a newer one.
      const present = this.#connections.ofNode(who.node);
      if (present && present !== client) return 'superseded';
    }
    packet.retain &&= allowed.row.retain;
    return null;
  }
  #arrived({ topic, payload }: Pick<PublishPacket, 'topic' | 'payload'>, by?: Principal, request?: AskRequest): void {
    if (this.#isStopping) return;
    this.#received++;
    const message: Arrived = { topic, payload: payload as Buffer, retained: false };
    if (by) message.by = by;
    if (request) message.request = request;
    this.#onMessage(message);
  }
  /** MQTT acknowledges dropped messages too: without a message on the topic of the answer a person would wait for ever. */
  #answerRefusal(
    { topic, payload }: Pick<PublishPacket, 'topic' | 'payload'>,
    by: Principal,
    fault: string,
    request?: AskRequest,
  ): void {
    const refused = refusalWords(fault, topic);
    if (this.#isStopping || !isForPeople(topic) || refused === undefined) return;
    const answered = { topic, payload: payload as Buffer, retained: false, by, refused };
    this.#onMessage(request ? { ...answered, request } : answered);
  }

  /** Lowers the requested QoS to 1 at most. */
  #authorizeSubscribe(client: Client, subscription: Subscription): boolean {
    const who = this.#connections.who(client);
    const granted = this.#granted.get(client) ?? new Set();
    this.#granted.set(client, granted);
    const full = granted.size >= this.#limits.subscriptions && !granted.has(subscription.topic);
    if (who && !full && maySubscribe(who, subscription.topic, this.#options.discoveryPrefix)) {
      granted.add(subscription.topic);
      if (subscription.qos > 1) subscription.qos = 1;
      return true;
    }
    const fields = { ...this.#connections.from(client), filter: subscription.topic.slice(0, 200) };
    this.#refusals.note(full ? 'subscriptions' : 'filter', fields, 'subscription refused');
    return false;
  }

  #forward(message: Forwarding & { qos: 0 | 1 }): void {
    const { topic, payload, qos, retain } = message;
    if (retain) this.#retained.set({ topic, payload: Buffer.from(payload), qos });
    this.#options.onForward?.(message);
    const packet = {
      cmd: 'publish',
      brokerId: this.#broker.id,
      brokerCounter: ++this.#inside.counter,
      ...{ topic, payload, qos, retain },
    };
    this.#inside.mq.emit(packet, () => {});
  }
  /** Called for each copy of a message. */
  #authorizeForward(client: Client, packet: PublishPacket): boolean {
    if (this.#connections.isPeople(client)) {
      const who = this.#connections.who(client);
      if (who && !mayRead(who, packet.topic)) return false;
    }
    const socket = client.conn as TLSSocket;
    if (socket.writableNeedDrain) {
      if (packet.qos === 0) return false; // it is perishable, and the next one replaces it
      if (socket.writableLength > this.#limits.backlogBytes) {
        this.#cut(client, 'backlog');
        return false;
      }
    }
    this.#sent++;
    return true;
  }

  #cut(client: Client, why: string): void {
    this.#stalled++;
    this.#refusals.note('stalled', { ...this.#connections.from(client), why }, 'connection cut: it does not read');
    (client.conn as TLSSocket).destroy();
  }
}

const forwardingOf = ({ topic, payload, qos, retain }: PublishPacket): Forwarding => ({
  topic,
  payload: payload as Buffer,
  qos,
  retain,
});
