// The embedded broker: Aedes behind our own TLS listener, as a Bus.
// In: MQTT 3.1.1 over mTLS (nodes) or TLS with an API key (people). Out: `onMessage` in the order each connection sent, before
// and independent of any forwarding. It keeps no session and no queue for who is away. It must never let one connection, known
// or not, stall, crash or fill the rest: every refusal has a reason, a counter and a (bounded) line in the log.
//
// Aedes is used for the protocol alone. Its publish path is replaced: the original takes a different number of asynchronous
// steps for each QoS and drops, as repetitions, messages that were overtaken that way; and a subscriber that does not read
// held up to a hundred messages, then everyone's.
import type { TLSSocket } from 'node:tls';
import {
  maxConnectPacketBytes,
  maxConnectsPerKeyPerMinute,
  maxConnectsPerMinute,
  maxMqttBacklogBytes,
  maxMqttConnections,
  maxMqttStrangers,
  maxMqttStrangersPerAddress,
  maxMqttStrangersPerSubnet,
  maxPacketBytes,
  maxPacketsAtOnce,
  maxPacketsPerSecond,
  maxQos2InFlight,
  maxSubscriptionsPerConnection,
  type Principal,
  parseTopic,
  permissionWords,
  topics,
} from '@blackroad/protocol';
import { type Clock, withDeadline } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import { createRefusals } from '../door/counted-refusals.ts';
import { doorLimits } from '../door/door-limits.ts';
import { type Doorkeeper, nameOfKey } from '../door/doorkeeper.ts';
import { type Claim, type Gate, recheckMs } from '../fleet/gate.ts';
import type { Arrived, Bus, BusMessage } from './bus.ts';
import { claimOf } from './claim.ts';
import { type ConnectLimits, createConnects } from './connects.ts';
import { createDrain } from './drain.ts';
import { createListener, type ListenerLimits, type ListenerOptions } from './listener.ts';
import type { PaceLimits } from './pace.ts';
import { boundReading } from './reading.ts';
import { createRetainedStore } from './retained.ts';
import { mayPublish, mayRead, maySubscribe, mayWill, type Who } from './rights.ts';
import { createSessions } from './sessions.ts';

export interface AedesLimits extends ListenerLimits, ConnectLimits {
  packetBytes: number;
  connectPacketBytes: number;
  /** A connection that has taken no byte for this long while there are some is cut. */
  stallMs: number;
  backlogBytes: number;
  subscriptions: number;
  pace: PaceLimits;
}
const aedesLimits: AedesLimits = {
  packetBytes: maxPacketBytes,
  connectPacketBytes: maxConnectPacketBytes,
  connections: maxMqttConnections + maxMqttStrangers,
  ...doorLimits({
    perAddress: maxMqttStrangersPerAddress,
    perSubnet: maxMqttStrangersPerSubnet,
    total: maxMqttStrangers,
  }),
  connectMs: 10_000, // and again from there to CONNECT
  stallMs: 5_000,
  backlogBytes: maxMqttBacklogBytes,
  subscriptions: maxSubscriptionsPerConnection,
  connects: maxConnectsPerMinute,
  connectsPerKey: maxConnectsPerKeyPerMinute,
  pace: { burst: maxPacketsAtOnce, perSecond: maxPacketsPerSecond },
};

export interface AedesBusOptions {
  tls: ListenerOptions['tls'];
  host: string;
  /** 0: any free one, see `port` after the start. */
  port: number;
  gate: Gate;
  /** The same as the API's. */
  doorkeeper: Doorkeeper;
  log: Log;
  clock: Clock;
  limits?: Partial<AedesLimits>;
}
interface AedesBus extends Bus {
  /** The port it listens on; 0 before the start. */
  readonly port: number;
}

type Session = { who: Who; claim: Claim; will: object | null } | { refused: string; text: string; returnCode?: number };
/** CONNACK [MQTT-3.2.2.3]. `unavailable`: good credentials, but not now; a node that heard `notAuthorized` would look for a new certificate. */
const unavailable = 3;
const notAuthorized = 5;
/** What Aedes has and its types do not tell. */
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

/** Refused publishes that are answered, in words for whoever asked. */
const refusalWords: Record<string, string | undefined> = {
  topic: `This key may not publish here: asking needs ${permissionWords(topics.ask.needs)}.`,
  'message-too-large': 'The question is too large.',
  'rate-limited': 'This key asks too often; wait a minute.',
};

const tooFast = 'a connection sends more than its pace allows: it is read more slowly from here on';

const stopMs = 5_000;

export function createAedesBus(options: AedesBusOptions): AedesBus {
  const { host, gate, doorkeeper, log, clock } = options;
  const limits: AedesLimits = { ...aedesLimits, ...options.limits };
  const refusals = createRefusals(log, clock);
  const retained = createRetainedStore();
  const connects = createConnects(clock, limits);
  const sessions = new WeakMap<Client, Session>();
  const dropped = new WeakSet<object>();
  /** The connection that speaks for a node. */
  const nodes = new Map<string, Client>();
  const people = new Map<Client, Claim>();
  let onMessage: (message: Arrived) => void = () => {};
  let stopping = false;
  let port = 0;
  let received = 0;
  let sent = 0;
  let stalled = 0;
  let nameless = 0;

  const broker = new Aedes({
    persistence: createSessions(retained),
    concurrency: 0, // of its emitter: unbounded, so that no reader's delay delays another message
    drainTimeout: 0, // see createDrain
    connectTimeout: limits.connectMs,
    maxInflightInbound: maxQos2InFlight,
    maxClientsIdLength: 1_000, // ours are longer than MQTT 3.1 knew; the packet's size bounds them
    heartbeatInterval: 3_600_000, // of brokers to each other: we are alone
    preConnect: (client, packet, done) => {
      const session = judge(client, packet);
      sessions.set(client, session);
      done(null, true); // refused in `authenticate`, which answers with a code
    },
    authenticate: (client, _username, _password, done) => {
      const session = sessions.get(client);
      if (session && 'who' in session) return done(null, true);
      refusals.note(session?.refused ?? 'internal', from(client), session?.text ?? 'connection refused');
      const returnCode = session?.returnCode ?? notAuthorized;
      const error = Object.assign(new Error('not authorized'), { returnCode: returnCode as never });
      return done(error, false);
    },
    authorizePublish: (client, packet, done) => {
      const fault = client ? publishFault(client, packet) : 'internal';
      // Acknowledged and dropped: closing would make a node repeat the same message for ever.
      if (fault) {
        dropped.add(packet);
        if (fault !== 'superseded') {
          const fields = {
            ...(client ? from(client) : {}),
            topic: packet.topic.slice(0, 200),
            bytes: packet.payload.length,
          };
          refusals.note(fault, fields, 'publish refused');
          if (client) answerRefusal(client, packet, fault);
        }
      } else if (packet.qos !== 2) arrived(packet, client);
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const session = sessions.get(client);
      const many = Object.keys((client as unknown as { subscriptions: object }).subscriptions).length;
      const full = many >= limits.subscriptions;
      if (session && 'who' in session && !full && maySubscribe(session.who, subscription.topic)) {
        if (subscription.qos > 1) subscription.qos = 1;
        return done(null, subscription);
      }
      const fields = { ...from(client), filter: subscription.topic.slice(0, 200) };
      refusals.note(full ? 'subscriptions' : 'filter', fields, 'subscription refused');
      return done(null, null);
    },
    authorizeForward: (client, packet) => {
      const session = people.has(client) ? sessions.get(client) : undefined;
      if (session && 'who' in session && !mayRead(session.who, packet.topic)) return null;
      const socket = client.conn as TLSSocket;
      if (socket.writableNeedDrain) {
        if (packet.qos === 0) return null; // perishable: the next one says more
        if (socket.writableLength > limits.backlogBytes) {
          cut(client, 'backlog');
          return null;
        }
      }
      sent++;
      return packet;
    },
  });
  const inside = broker as unknown as Inside;

  inside.publish = (packet, client, done) => {
    const finish = (typeof client === 'function' ? client : (done ?? (() => {}))) as (error?: Error | null) => void;
    if (!packet.topic.startsWith('$SYS/') && !dropped.delete(packet)) {
      // Only now is it known to be no repetition.
      if (packet.qos === 2) arrived(packet, typeof client === 'object' ? (client as Client) : null);
      forward(packet.topic, packet.payload, packet.qos === 0 ? 0 : 1, packet.retain);
    }
    // Not at once: the parser is still inside this packet and must not be entered again.
    queueMicrotask(finish);
  };
  // A connection that was replaced while it closed must not take its successor out of the list.
  const unregister = inside.unregisterClient.bind(broker);
  inside.unregisterClient = (client) => {
    if (inside.clients[client.id] === client) unregister(client);
    else inside.connectedClients--;
  };
  // Before CONNACK, so that whoever has seen one can be found and ended.
  broker.on('client', (client) => {
    const session = sessions.get(client);
    if (!session || !('who' in session)) return;
    const { who, claim } = session;
    if (who.as === 'node') nodes.set(who.node, client);
    else people.set(client, claim);
    listener.known(client.conn as TLSSocket);
    log.debug(from(client), 'connected');
  });
  const gone = (client: Client, error: Error) =>
    log.debug({ ...from(client), error: error.message.slice(0, 200) }, 'connection ended with an error');
  broker.on('clientError', gone);
  broker.on('connectionError', gone);
  (broker as NodeJS.EventEmitter).on('error', (error: Error) => log.error({ err: error }, 'the broker failed'));

  function judge(client: Client, packet: ConnectFields): Session {
    packet.clean = true;
    const claim = claimOf(client.conn as TLSSocket, packet.username, packet.password, clock.nowMs());
    const admitted = gate(claim);
    if (admitted.as === 'refused') {
      const claimed = claim.kind === 'node' ? claim.node : claim.kind === 'key' ? claim.keyId : claim.reason;
      const text = `connection refused: ${admitted.reason} (${claim.kind} ${claimed.slice(0, 80)})`;
      const { remoteAddress: address = '' } = client.conn as TLSSocket;
      if (claim.kind === 'key') {
        if (doorkeeper.blockedSeconds(address) > 0) {
          doorkeeper.countSecret(address);
          return { refused: 'refused-too-often', text: `connection refused: ${address} tried too many keys` };
        }
        doorkeeper.refusedSecret({ address, subject: 'api key', text: `MQTT: ${text}` });
      } else if (claim.kind === 'stranger' && claim.reason !== 'certificate-expired') {
        doorkeeper.refusedCertificate({ address, subject: 'certificate', text: `MQTT: ${text}` });
      }
      return { refused: claim.kind === 'stranger' ? claim.reason : admitted.reason, text };
    }
    if (admitted.as === 'node' && packet.clientId !== admitted.node) {
      const got = JSON.stringify(packet.clientId.slice(0, 80));
      return { refused: 'client-id', text: `connection refused: expected client id ${admitted.node}, got ${got}` };
    }
    // Before it could throw its last connection off.
    const waitS = connects(admitted, packet.clientId);
    if (waitS > 0) {
      const name =
        admitted.as === 'node' ? admitted.node : `${admitted.by.name}, client ${packet.clientId.slice(0, 80)}`;
      const text = `connection refused: ${name} came too often within a minute, and is let in again in ${waitS} s`;
      return { refused: 'flapping', text, returnCode: unavailable };
    }
    // Never an id of a node's: it would push that node off.
    if (admitted.as === 'people')
      // By the key's id, which holds no slash: two keys never share a client id, whatever their names are.
      packet.clientId = `key/${admitted.keyId}/${packet.clientId || `nameless-${++nameless}`}`;
    if (packet.will) {
      const row = mayWill(admitted, packet.will.topic);
      const fits = row && packet.will.payload.length <= row.maxBytes;
      if (!fits && admitted.as === 'node') {
        const topic = packet.will.topic.slice(0, 200);
        return { refused: 'will', text: `connection refused: the will of ${admitted.node} speaks on ${topic}` };
      }
      if (!fits) {
        // Home Assistant always sends a will of its own; it may connect, the will is not kept.
        refusals.note(
          'will',
          { topic: packet.will.topic.slice(0, 200), ...(admitted.as === 'people' ? { key: admitted.by.name } : {}) },
          'will dropped',
        );
        delete packet.will;
      } else {
        packet.will.retain &&= row.retain;
        // A view into the whole packet's buffer would keep that buffer as long as the connection lives.
        packet.will.payload = Buffer.from(packet.will.payload);
      }
    }
    return { who: admitted, claim, will: packet.will ?? null };
  }

  function publishFault(client: Client, packet: PublishPacket): string | null {
    const session = sessions.get(client);
    if (!session || !('who' in session)) return 'internal';
    const { who } = session;
    const row = mayPublish(who, packet.topic);
    if (!row) return 'topic';
    if (who.as === 'people' && doorkeeper.take(nameOfKey(who.keyId)) > 0) return 'rate-limited';
    if (packet.payload.length > row.maxBytes) return 'message-too-large';
    if (packet === session.will && who.as === 'node') {
      // `offline` of a connection whose node has a newer one is not true any more.
      const present = nodes.get(who.node);
      if (present && present !== client) return 'superseded';
    }
    if (packet.retain && !row.retain) packet.retain = false;
    return null;
  }

  function byOf(client: Client | null): { by?: Principal } {
    const session = client && sessions.get(client);
    if (!session || !('who' in session) || session.who.as !== 'people') return {};
    return { by: session.who.by };
  }
  function arrived({ topic, payload }: PublishPacket, client: Client | null): void {
    if (stopping) return;
    received++;
    onMessage({ topic, payload: payload as Buffer, retained: false, ...byOf(client) });
  }
  /** MQTT acknowledges what is dropped: without a word on the answer's topic a person would wait for ever. */
  function answerRefusal(client: Client, { topic, payload }: PublishPacket, fault: string): void {
    const sender = byOf(client);
    const refused = refusalWords[fault];
    const parsed = parseTopic(topic);
    const isForPeople = parsed && topics[parsed.name].writer === 'people';
    if (stopping || !isForPeople || sender.by === undefined || refused === undefined) return;
    onMessage({ topic, payload: payload as Buffer, retained: false, ...sender, refused });
  }

  function forward(topic: string, payload: string | Buffer, qos: 0 | 1, retain: boolean): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    if (retain) retained.set({ topic, payload: Buffer.from(bytes), qos });
    const packet = {
      cmd: 'publish',
      brokerId: broker.id,
      brokerCounter: ++inside.counter,
      topic,
      payload: bytes,
      qos,
      retain,
    };
    inside.mq.emit(packet, () => {});
  }

  function cut(client: Client, why: string): void {
    stalled++;
    refusals.note('stalled', { ...from(client), why }, 'connection cut: it does not read');
    (client.conn as TLSSocket).destroy();
  }

  function from(client: Client): object {
    const session = sessions.get(client);
    const address = (client.conn as TLSSocket).remoteAddress;
    if (!session || !('who' in session)) return { address };
    const { who } = session;
    return who.as === 'node' ? { node: who.node, address } : { key: who.by.name, address };
  }

  function connected(socket: TLSSocket): void {
    if (stopping) {
      socket.destroy();
      return;
    }
    boundReading(socket, {
      packets: { firstBytes: limits.connectPacketBytes, bytes: limits.packetBytes },
      pace: limits.pace,
      clock,
      onFault(fault) {
        refusals.note(fault, from(client), 'connection cut: bad or oversized packet');
        socket.destroy();
      },
      onSlowed: () => refusals.note('slowed', from(client), tooFast),
    });
    const client = broker.handle(socket);
    (client as unknown as InsideClient).waitForDrain = createDrain(socket, {
      stallMs: limits.stallMs,
      clock,
      onStall: () => cut(client, 'frozen'),
    });
    socket.once('close', () => {
      people.delete(client);
      const session = sessions.get(client);
      if (session && 'who' in session && session.who.as === 'node' && nodes.get(session.who.node) === client) {
        nodes.delete(session.who.node);
      }
    });
  }
  const listener = createListener({ tls: options.tls, limits, refusals, log, clock, onSocket: connected });

  const recheck = clock.every(recheckMs, () => {
    // Forgotten, put out, or its certificate ran out without a new one: a long connection is no way around that. [INV-admitted]
    for (const [node, client] of nodes) {
      const session = sessions.get(client);
      const admitted = session && 'who' in session ? gate(session.claim) : null;
      if (admitted?.as === 'node') continue;
      const reason = admitted?.as === 'refused' ? admitted.reason : 'internal';
      refusals.note(reason, { node }, 'connection cut: it would not be let in any more');
      (client.conn as TLSSocket).destroy();
    }
    for (const [client, claim] of people) {
      const admitted = gate(claim);
      const session = sessions.get(client);
      const same = session && 'who' in session && JSON.stringify(session.who) === JSON.stringify(admitted);
      if (!same) (client.conn as TLSSocket).destroy(); // comes back with its new rights, or not at all
    }
  });

  return {
    async start(receive) {
      onMessage = receive;
      await broker.listen();
      port = await listener.listen(host, options.port);
    },
    publish(messages: readonly BusMessage[]) {
      for (const { topic, payload, qos, retain } of messages) forward(topic, payload, qos, retain);
    },
    disconnect(node) {
      (nodes.get(node)?.conn as TLSSocket | undefined)?.destroy();
    },
    stats: () => ({ connections: nodes.size + people.size, received, sent, refused: refusals.counts(), stalled }),
    async stop() {
      if (stopping) return;
      stopping = true; // from here on no will is news
      recheck.cancel();
      const ended = new Promise<void>((resolve) => broker.close(() => resolve()));
      const stopped = Promise.all([listener.close(), ended]);
      await withDeadline(clock, stopMs, stopped, () => new Error('the broker did not stop in time')).catch(
        (error: Error) => log.warn({ err: error }, 'stopped hard'),
      );
    },
    get port() {
      return port;
    },
  };
}

/** The parts of CONNECT we read and set; the packet is Aedes' own until we hand it back. */
interface ConnectFields {
  clientId: string;
  clean?: boolean;
  username?: string;
  password?: Buffer;
  will?: { topic: string; payload: string | Buffer; qos?: number; retain?: boolean };
}
