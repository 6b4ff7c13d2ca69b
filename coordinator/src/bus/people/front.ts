// The door for people: MQTT 3.1.1 and 5 by Aedes 2, in a process of its own. In: connections with a key, what the coordinator answers to its
// questions, and messages for those who subscribed. Out: questions. Nothing is decided here: who may come in, publish and subscribe, and what
// is retained, is asked of the coordinator, and a message of one client reaches another only by way of it.
//
// Aedes 2.0.0-beta.1 is older than 1.2 and lacks its fixes. It does here what it does well (CONNECT, keepalive, PING, UNSUBSCRIBE, who gets a
// copy of a message); PUBLISH, PUBREL and SUBSCRIBE never reach it. [decision 44]
import type { TLSSocket } from 'node:tls';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { Aedes, type Client } from 'aedes-5';
import type { Refusals } from '../../door/counted-refusals.ts';
import { createDrain } from '../drain.ts';
import { createListener, type Listener } from '../listener.ts';
import { boundReading, tooFast } from '../reading.ts';
import { createRetainedStore } from '../retained.ts';
import { createSessions } from '../sessions.ts';
import { type AnyPacket, type CopiedPacket, insideBroker, insideClient } from './beta.ts';
import { Caller } from './caller.ts';
import { Packets } from './packets.ts';
import { reasonCodes } from './reason-codes.ts';
import type { Ask, ConnectVerdict, DoorFigures, Forwarded, FromDoor, PeopleDoorSettings } from './wire.ts';

interface FrontParts {
  settings: PeopleDoorSettings;
  /** Rejects when the coordinator does not answer in time. */
  ask: Ask;
  tell(message: FromDoor): void;
  refusals: Refusals;
  clock: Clock;
  log: Log;
}
interface ConnectPacket extends AnyPacket {
  clientId: string;
  protocolVersion: number;
  clean?: boolean;
  username?: string;
  password?: Buffer;
  will?: { topic: string; payload: string | Buffer };
  properties?: { sessionExpiryInterval?: number };
}

const away = 'The coordinator does not answer.';
/** The header of a packet, which clients count and the limit of its body does not. */
const headerBytes = 5;

export class PeopleFront {
  readonly #parts: FrontParts;
  readonly #callers = new Map<Client, Caller>();
  readonly #byNumber = new Map<number, Caller>();
  readonly #broker: Aedes;
  readonly #packets: Packets;
  readonly #listener: Listener;
  #numbers = 0;
  #sent = 0;
  #stalled = 0;
  /** Of the copy that Aedes makes at this moment. */
  #quality = 0;
  #isReleased = false;
  #isStopping = false;

  constructor(parts: FrontParts) {
    const { settings, refusals, log, clock } = parts;
    const { limits } = settings;
    this.#parts = parts;
    this.#broker = this.#createBroker();
    this.#packets = new Packets({ ask: parts.ask, limits, clock, refusals });
    this.#replaceParts();
    this.#listener = createListener({
      tls: settings.tls,
      limits,
      refusals,
      log,
      clock,
      onSocket: (socket) => this.#connected(socket),
    });
  }

  async listen(): Promise<number> {
    const { host, port } = this.#parts.settings;
    await this.#broker.listen();
    return this.#listener.listen(host, port);
  }

  forward(messages: readonly Forwarded[]): void {
    const inside = insideBroker(this.#broker);
    for (const { from, ...message } of messages) {
      const brokerCounter = ++inside.counter;
      const packet = { cmd: 'publish', brokerId: this.#broker.id, brokerCounter, ...message };
      inside.mq.emit(from === undefined ? packet : { ...packet, clientId: from }, () => {});
    }
    this.#parts.tell({ taken: messages.length });
  }

  cut(connection: number, code: number, text: string): void {
    this.#byNumber.get(connection)?.cut(code, text);
  }

  /** Messages were lost: who comes again has what is retained, and knows that it missed something. */
  lost(many: number): void {
    for (const caller of this.#callers.values())
      if (caller.listens) caller.cut(reasonCodes.quota, `${many} messages were lost, because the door was too slow.`);
  }

  figures(): DoorFigures {
    const { rss: rssBytes } = process.memoryUsage();
    return { sent: this.#sent, stalled: this.#stalled, refused: this.#parts.refusals.counts(), rssBytes };
  }

  async stop(): Promise<void> {
    this.#isStopping = true; // wills are no news from here on
    const ended = new Promise<void>((resolve) => this.#broker.close(() => resolve()));
    await Promise.all([this.#listener.close(), ended]);
  }

  #createBroker(): Aedes {
    const { settings } = this.#parts;
    const { limits, responsePrefix } = settings;
    return new Aedes({
      // It keeps nothing: no session outlives its connection, and what is retained is asked of the coordinator.
      persistence: createSessions(createRetainedStore()),
      concurrency: 0,
      drainTimeout: 0,
      connectTimeout: limits.connectMs,
      maxClientsIdLength: 1_000,
      heartbeatInterval: 3_600_000,
      maximumPacketSize: limits.packetBytes + headerBytes,
      receiveMaximum: limits.inFlight,
      responseInformation: (client: Client) => `${responsePrefix}${this.#callers.get(client)?.key}/`,
      preConnect: (client: Client, packet: unknown, done: (error: Error | null, success: boolean) => void) =>
        void this.#connect(client, packet as ConnectPacket, done),
      authenticate: (client: Client, _name: unknown, _password: unknown, done: (e: null, ok: boolean) => void) => {
        const caller = this.#callers.get(client);
        const inside = insideClient(client);
        // A session ends with its connection, which a client that asked for more is told.
        inside._sessionExpiryClamped = caller?.askedForSession ?? false;
        inside._assignedClientId = caller?.assigned;
        done(null, caller?.key !== undefined);
      },
      authorizeForward: (client: Client, packet: CopiedPacket) => (this.#mayForward(client, packet) ? packet : null),
    } as object as ConstructorParameters<typeof Aedes>[0]);
  }

  #replaceParts(): void {
    const { tell, log } = this.#parts;
    const broker = this.#broker;
    const inside = insideBroker(broker);
    // Nothing is published here by Aedes itself.
    inside.publish = (_packet, client, done) => {
      const finish = (typeof client === 'function' ? client : done) as (() => void) | undefined;
      if (finish) queueMicrotask(finish);
    };
    inside.publishWill = (client, { topic, payload, qos, retain, properties }) => {
      const caller = this.#callers.get(client);
      if (!caller || this.#isStopping) return;
      const asked = { topic, payload: Buffer.from(payload), qos, retain, ...(properties ? { properties } : {}) };
      this.#parts.ask(caller.number, { question: 'publish', asked }).catch(() => {}); // nobody is there to be told
    };
    // The newcomer does not wait until the earlier connection has read why it ends.
    inside.registerClient = (client) => {
      const earlier = inside.clients[client.id];
      if (earlier) this.#callers.get(earlier)?.cut(reasonCodes.takenOver, 'Another connection has this client id now.');
      inside._finishRegisterClient(client);
    };
    const unregister = inside.unregisterClient.bind(broker);
    inside.unregisterClient = (client) => {
      if (inside.clients[client.id] === client) unregister(client);
      else inside.connectedClients--;
    };
    const events = broker as unknown as NodeJS.EventEmitter;
    events.on('unsubscribe', (filters: string[], client: Client) => {
      const caller = this.#callers.get(client);
      if (caller) tell({ unsubscribed: caller.number, filters });
    });
    const gone = (client: Client, error: Error) =>
      log.debug({ client: client.id, error: error.message.slice(0, 200) }, 'connection ended with an error');
    events.on('clientError', gone);
    events.on('connectionError', gone);
    events.on('error', (error: Error) => log.error({ err: String(error.stack) }, 'the broker failed'));
  }

  #connected(socket: TLSSocket): void {
    if (this.#isStopping) return void socket.destroy();
    const { settings, clock, refusals, tell } = this.#parts;
    const { limits } = settings;
    boundReading(socket, {
      packets: { firstBytes: limits.connectPacketBytes, bytes: limits.packetBytes },
      pace: limits.pace,
      clock,
      onFault: (fault) => {
        refusals.note(fault, { address: caller.address }, 'connection cut: bad or oversized packet');
        const code = fault === 'packet-too-large' ? reasonCodes.packetTooLarge : reasonCodes.malformed;
        caller.cut(code, `${fault}: a packet has at most ${limits.packetBytes} bytes.`);
      },
      onSlowed: () => refusals.note('slowed', { address: caller.address }, tooFast),
    });
    const client = this.#broker.handle(socket) as Client;
    const caller = new Caller({
      ...{ client, socket, number: ++this.#numbers, limits, clock },
      send: (packet) => this.#release(client, packet),
    });
    const inside = insideClient(client);
    // `{}` would have the names of its prototype.
    inside.subscriptions = Object.create(null);
    inside.waitForDrain = createDrain(socket, {
      stallMs: limits.stallMs,
      clock,
      onStall: () => this.#stall(caller, 'frozen'),
    });
    this.#markCopies(client);
    this.#packets.guard(caller);
    this.#callers.set(client, caller);
    this.#byNumber.set(caller.number, caller);
    socket.once('close', () => {
      caller.closed();
      // Not before its will, which Aedes publishes in this turn.
      setImmediate(() => {
        this.#callers.delete(client);
        this.#byNumber.delete(caller.number);
        tell({ closed: caller.number });
      });
    });
  }

  async #connect(client: Client, packet: ConnectPacket, done: (error: Error | null, success: boolean) => void) {
    const caller = this.#callers.get(client) as Caller;
    const { clientId, username, password, will } = packet;
    const asked = {
      address: caller.address,
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(will ? { will: { topic: will.topic, payload: Buffer.from(will.payload) } } : {}),
    };
    const unavailable = { refused: 'unavailable', text: away, returnCode: 3 };
    const verdict: ConnectVerdict = await this.#parts
      .ask(caller.number, { question: 'connect', asked })
      .catch(() => unavailable);
    if (insideClient(client).closed) return;
    if ('refused' in verdict) {
      caller.refuse(verdict, packet.protocolVersion, () => done(new Error(verdict.text), false));
      return;
    }
    caller.letIn(verdict, packet.protocolVersion, {
      assigned: clientId === '' ? verdict.clientId.slice(verdict.clientId.lastIndexOf('/') + 1) : undefined,
      askedForSession: (packet.properties?.sessionExpiryInterval ?? 0) > 0,
    });
    packet.clientId = verdict.clientId;
    packet.clean = true;
    if (packet.properties) packet.properties.sessionExpiryInterval = 0;
    if (!verdict.keepsWill) delete packet.will;
    this.#listener.known(caller.socket);
    done(null, true);
  }

  /** Remembers with which quality Aedes makes a copy: it asks `authorizeForward` in the same turn, and does not say it there. */
  #markCopies(client: Client): void {
    const inside = insideClient(client);
    const { deliver0, deliverQoS } = inside;
    inside.deliver0 = (packet, done) => {
      this.#quality = 0;
      deliver0(packet, done);
    };
    inside.deliverQoS = (packet, done) => {
      const own = inside.subscriptions[packet.topic];
      this.#quality = packet.qos > 0 && (own?.qos ?? 1) > 0 ? 1 : 0;
      deliverQoS(packet, done);
    };
  }

  /** Called for each copy of a message. */
  #mayForward(client: Client, packet: CopiedPacket): boolean {
    const caller = this.#callers.get(client);
    if (!caller || caller.isClosed || !this.#isFor(caller, packet.topic) || !caller.fits(packet)) return false;
    if (caller.socket.writableNeedDrain) {
      if (this.#quality === 0) return false; // it is perishable, and the next one replaces it
      if (caller.socket.writableLength > this.#parts.settings.limits.backlogBytes) {
        this.#stall(caller, 'backlog');
        return false;
      }
    }
    if (this.#quality > 0 && !this.#isReleased) {
      const place = caller.window.take({ ...packet, brokerId: null });
      if (place === 'full') this.#stall(caller, 'unacknowledged');
      if (place !== 'now') return false;
    }
    this.#sent++;
    return true;
  }

  #isFor({ key }: Caller, topic: string): boolean {
    const { responsePrefix } = this.#parts.settings;
    return !topic.startsWith(responsePrefix) || topic.startsWith(`${responsePrefix}${key}/`);
  }

  /** Sends a message that waited for the client to acknowledge earlier ones. */
  #release(client: Client, packet: CopiedPacket): void {
    this.#isReleased = true;
    insideClient(client).deliverQoS(packet, () => {});
    this.#isReleased = false;
  }

  #stall(caller: Caller, why: string): void {
    this.#stalled++;
    this.#parts.refusals.note('stalled', { ...caller.from, why }, 'connection cut: it does not read');
    caller.socket.destroy();
  }
}
