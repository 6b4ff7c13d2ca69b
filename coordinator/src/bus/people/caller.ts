// One connection at the door for people: who it is, what it has in flight, and how it is told something. In: a client of Aedes and its socket.
// Out: packets of MQTT in the version that the client speaks; reason codes and sentences reach clients of MQTT 5 alone.
import type { TLSSocket } from 'node:tls';
import type { Clock } from '@blackroad/std/clock';
import type { Client } from 'aedes-5';
import mqttPacket from 'mqtt-packet';
import { type AnyPacket, type CopiedPacket, insideClient } from './beta.ts';
import { reasonCodes } from './reason-codes.ts';
import { Window } from './window.ts';
import type { ConnectVerdict, PeopleDoorLimits } from './wire.ts';

interface CallerParts {
  client: Client;
  socket: TLSSocket;
  number: number;
  limits: PeopleDoorLimits;
  clock: Clock;
  /** Sends a message that waited. */
  send(packet: CopiedPacket): void;
}
type LetIn = Exclude<ConnectVerdict, { refused: string }>;
type Refused = Extract<ConnectVerdict, { refused: string }>;

/** CONNACK of MQTT 3.1.1 as MQTT 5 says it. */
const refusalCodes: Record<number, number> = { 3: reasonCodes.unavailable, 5: reasonCodes.notAuthorized };
/** A client that takes shorter packets gets no sentences. */
const roomForWordsBytes = 1_024;
const farewellMs = 1_000;

export class Caller {
  readonly client: Client;
  readonly socket: TLSSocket;
  readonly number: number;
  readonly address: string;
  /** The id of its key; undefined: it was not let in yet. */
  key: string | undefined;
  assigned: string | undefined;
  askedForSession = false;
  version = 4;
  /** Whether it has a subscription. */
  listens = false;
  /** Messages with QoS 2 that were taken in and not released. */
  readonly begun = new Set<number>();
  /** Messages with QoS 1 or 2 that are not answered. */
  flying = 0;
  #window: Window<CopiedPacket & { sinceMs: number }>;
  readonly #parts: CallerParts;
  #isCut = false;

  constructor(parts: CallerParts) {
    this.#parts = parts;
    this.client = parts.client;
    this.socket = parts.socket;
    this.number = parts.number;
    this.address = parts.socket.remoteAddress ?? '';
    this.#window = this.#windowOf(1);
  }

  get from(): object {
    return { address: this.address, client: this.client.id ?? '' };
  }
  get isClosed(): boolean {
    return this.#isCut || this.socket.destroyed || insideClient(this.client).closed;
  }
  get window() {
    return {
      take: (packet: CopiedPacket) => this.#window.take({ ...packet, sinceMs: this.#parts.clock.monotonicMs() }),
      acknowledged: () => this.#window.acknowledged(),
      rest: () => this.#window.rest(),
    };
  }

  letIn({ key }: LetIn, version: number, more: { assigned: string | undefined; askedForSession: boolean }): void {
    this.key = key;
    this.version = version;
    this.assigned = more.assigned;
    this.askedForSession = more.askedForSession;
  }
  /** CONNECT was read: what the client can take is known. */
  connected(): void {
    this.#window = this.#windowOf(this.version === 5 ? this.client.receiveMaximum : this.#parts.limits.waiting);
  }
  closed(): void {
    this.#window.close();
  }

  /** Refuses CONNECT; `done` is called when the client had time to read why. */
  refuse({ text, returnCode }: Refused, version: number, done: () => void): void {
    const reasonCode = refusalCodes[returnCode] ?? reasonCodes.notAuthorized;
    const words = version === 5 ? { reasonCode, properties: { reasonString: text } } : { returnCode };
    const bytes = mqttPacket.generate({ cmd: 'connack', sessionPresent: false, ...words } as never, {
      protocolVersion: version,
    });
    this.#end(bytes, done);
  }

  /** Ends the connection, with the reason where the client can read it. */
  cut(code: number, text: string): void {
    if (this.#isCut) return;
    this.#isCut = true;
    if (this.version !== 5 || this.key === undefined) return void this.socket.destroy();
    const packet = { cmd: 'disconnect', reasonCode: code, ...this.words(text) };
    this.#end(mqttPacket.generate(packet as never, { protocolVersion: 5 }), () => this.socket.destroy());
  }

  /** Properties with a sentence; none for clients that do not take one. */
  words(text: string | undefined): { properties?: { reasonString: string } } {
    const { client } = this;
    const takes =
      this.version === 5 &&
      insideClient(client)._requestProblemInformation &&
      (client.maximumPacketSize ?? roomForWordsBytes) >= roomForWordsBytes;
    return takes && text !== undefined ? { properties: { reasonString: text.slice(0, 500) } } : {};
  }

  /** A packet came that Aedes does not see: it would think the client silent. [MQTT-3.1.2-22] */
  spoke(): void {
    const { _keepaliveInterval, _keepaliveTimer } = insideClient(this.client);
    if (_keepaliveInterval > 0) _keepaliveTimer?.refresh();
  }

  /** Resolves when the next packet may be written. */
  write(packet: AnyPacket): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    const goesOn = mqttPacket.writeToStream(packet as never, this.socket, { protocolVersion: this.version });
    if (goesOn) return Promise.resolve();
    return new Promise((resolve) => insideClient(this.client).waitForDrain(resolve));
  }

  /** [MQTT-3.1.2-24] */
  fits(packet: CopiedPacket): boolean {
    const most = this.client.maximumPacketSize;
    if (most === undefined) return true;
    const whole = { ...packet, cmd: 'publish', messageId: 1, dup: false };
    return mqttPacket.generate(whole as never, { protocolVersion: this.version }).length <= most;
  }

  #windowOf(size: number) {
    const { limits, clock, send } = this.#parts;
    return new Window<CopiedPacket & { sinceMs: number }>({
      size: Math.min(size, limits.waiting),
      waiting: limits.waiting,
      send: ({ sinceMs, ...packet }) => {
        const left = leftOf(packet, clock.monotonicMs() - sinceMs);
        if (left) send(left);
        else this.#window.acknowledged(); // it came too late, and takes nobody's place
      },
    });
  }

  #end(bytes: Buffer, done: () => void): void {
    const { socket } = this;
    // Not `destroy` at once: the client would not read what was written last. A client that does not read is not waited for.
    const late = this.#parts.clock.after(farewellMs, () => socket.destroy());
    socket.once('close', () => late.cancel());
    socket.end(bytes, done);
  }
}

/** A message after a wait, with what is left of its life; null: it has expired. [MQTT-3.3.2-6] */
function leftOf(packet: CopiedPacket, waitedMs: number): CopiedPacket | null {
  const life = packet.properties?.messageExpiryInterval as number | undefined;
  if (life === undefined) return packet;
  const left = Math.ceil(life - waitedMs / 1000);
  return left > 0 ? { ...packet, properties: { ...packet.properties, messageExpiryInterval: left } } : null;
}
