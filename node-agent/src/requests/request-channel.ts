// The channel of a busy node: one WebSocket to the coordinator, on which requests of the gateway and their answers spare the broker. In: an
// invitation with a ticket. Out: messages like those of the broker, a way to send answers, and the loss of the channel. It is closed after a
// while without a request. No request depends on it: without it they come over MQTT.
import {
  type Decoded,
  decodeFrame,
  encode,
  frameOf,
  type ModelAnswers,
  type ModelServer,
  maxChannelBacklogBytes,
  maxChannelFrameBytes,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { WebSocket } from 'ws';
import { surelyPastMs } from '../identity/fleet-time.ts';
import type { Identity } from '../identity/identity.ts';
import { connectTrusted, peerAt } from '../identity/trust.ts';

export type RequestMessage = Extract<Decoded, { name: 'modelRequest' | 'modelRequestStop' }>;
interface ChannelParts {
  identity: () => Identity;
  clock: Clock;
  log: Log;
  receive(message: RequestMessage): void;
  /** Model servers that the coordinator may ask itself. */
  servers(): ModelServer[];
  /** Whether somebody waits for an answer. */
  isBusy(): boolean;
  lost(): void;
}
const dialMs = 10_000;
/** The coordinator pings every 15 s. */
const silentMs = 50_000;
const idleMs = 60_000;

export class RequestChannel {
  readonly #parts: ChannelParts;
  #socket: WebSocket | null = null;
  #dialling: AbortController | null = null;
  #watch: Timer | null = null;
  #idle: Timer | null = null;
  /** The servers as they were told; empty: none were. */
  #told = '';

  constructor(parts: ChannelParts) {
    this.#parts = parts;
  }

  /** Opens the channel, unless there is one. */
  invited(ticket: string): void {
    if (this.#socket || this.#dialling) return;
    const { log } = this.#parts;
    const dialling = new AbortController();
    this.#dialling = dialling;
    this.#dial(ticket, dialling.signal)
      .then(
        (opened) => (dialling.signal.aborted ? opened.terminate() : this.#use(opened)),
        (error) => log.info({ problem: (error as Error).message }, 'no channel for requests: they come over MQTT'),
      )
      .finally(() => {
        if (this.#dialling === dialling) this.#dialling = null;
      });
  }

  /** Without a channel nobody waits for these answers any more. */
  send(answers: ModelAnswers): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#rest();
    socket.send(frameOf(encode('modelAnswers', { node: this.#parts.identity().node }, answers)));
    if (socket.bufferedAmount > maxChannelBacklogBytes) socket.terminate();
  }

  /** Tells the servers when they are others than those told before. */
  tellServers(): void {
    const { identity, servers } = this.#parts;
    const message = encode('modelServers', { node: identity().node }, { servers: servers() });
    const text = frameOf(message);
    if (!this.#socket || text === this.#told) return;
    // A node without such servers says nothing.
    if (this.#told !== '' || servers().length > 0) this.#socket.send(text);
    this.#told = text;
  }

  close(): void {
    this.#dialling?.abort();
    this.#socket?.terminate();
    this.#gone(this.#socket);
  }

  async #dial(ticket: string, signal: AbortSignal): Promise<WebSocket> {
    const { identity, clock } = this.#parts;
    const own = identity();
    const { hosted, ...peer } = peerAt(own.url);
    // Loaded by nodes that are busy, once: an idle one needs no WebSockets.
    const { WebSocket } = await import('ws');
    const connection = await connectTrusted(
      {
        ...peer,
        trust: { ca: own.ca },
        coordinator: true,
        surelyPastMs: surelyPastMs(clock, own),
        signal,
      },
      clock,
      dialMs,
    );
    const opened = new WebSocket(`ws://${hosted}/v1/node-channel`, {
      createConnection: () => connection,
      headers: { authorization: `Bearer ${ticket}` },
      perMessageDeflate: false,
      maxPayload: maxChannelFrameBytes,
      handshakeTimeout: dialMs,
    });
    return new Promise((resolve, reject) => {
      opened.once('open', () => resolve(opened));
      opened.once('error', reject);
      opened.once('close', () => reject(new Error('the coordinator closed the channel')));
    });
  }

  #use(opened: WebSocket): void {
    this.#socket = opened;
    opened.on('error', () => {}); // `close` follows
    opened.on('close', () => this.#gone(opened));
    opened.on('message', (data) => this.#heard(opened, data as Buffer));
    opened.on('ping', () => this.#alive());
    this.#alive();
    this.#rest();
    this.#told = '';
    this.tellServers();
  }

  #heard(opened: WebSocket, frame: Buffer): void {
    const { identity, receive } = this.#parts;
    const decoded = decodeFrame(frame);
    const isOurs = !('refused' in decoded) && decoded.params.node === identity().node;
    if (!isOurs || (decoded.name !== 'modelRequest' && decoded.name !== 'modelRequestStop')) {
      opened.close(1008);
      return;
    }
    this.#rest();
    receive(decoded);
  }

  #alive(): void {
    this.#watch?.cancel();
    this.#watch = this.#parts.clock.after(silentMs, () => this.#socket?.terminate());
  }

  #rest(): void {
    const { clock, isBusy } = this.#parts;
    this.#idle?.cancel();
    this.#idle = clock.after(idleMs, () => (isBusy() ? this.#rest() : this.#socket?.close(1000)));
  }

  #gone(socket: WebSocket | null): void {
    if (!socket || this.#socket !== socket) return;
    this.#socket = null;
    this.#watch?.cancel();
    this.#idle?.cancel();
    this.#parts.lost();
  }
}
