// Channels of busy nodes: one WebSocket from each, on which requests of the gateway and their answers spare the broker. In: nodes that are
// busy with requests, tickets, sockets. Out: invitations over MQTT, and for each node at most one channel. A node without a channel, or
// with one that broke, gets its requests over MQTT; no request depends on it.
import {
  type Checker,
  cutToBytes,
  decodeFrame,
  encode,
  frameOf,
  type ModelAnswer,
  type ModelServer,
  maxChannelBacklogBytes,
  maxCloseBytes,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { RawData, WebSocket } from 'ws';
import type { BusMessage } from '../bus/bus.ts';

/** One open channel. */
export interface RequestChannel {
  send(messages: readonly BusMessage[]): void;
}
interface Open extends RequestChannel {
  socket: WebSocket;
  isAlive: boolean;
}
/** What is known of a node without a channel. */
interface Absent {
  /** The last request to it. */
  askedMs: number;
  /** No invitation before. */
  restUntilMs: number;
  rests: number;
}
interface RequestChannelsParts {
  clock: Clock;
  random: Random;
  check: Checker;
  publish(messages: BusMessage[]): void;
  answered(node: string, answer: ModelAnswer): void;
  /** Servers of a node that may be asked at the address of its channel. None: the channel is gone. */
  servers(node: string, address: string, servers: readonly ModelServer[]): void;
  /** The channel is no more: nothing that was asked over it is answered. */
  lost(channel: RequestChannel): void;
}

/** A node that gets two requests within this time is busy with them. */
const busyMs = 10_000;
const ticketMs = 20_000;
/** After an invitation, until the next one: a node that cannot reach the coordinator's HTTPS port is asked less and less often. */
const restMs = 30_000;
const maxRestMs = 30 * 60_000;
const pingMs = 15_000;

export class RequestChannels {
  readonly #parts: RequestChannelsParts;
  readonly #open = new Map<string, Open>();
  readonly #absent = new Map<string, Absent>();
  readonly #tickets = new Map<string, { node: string; timer: Timer }>();
  #beat: Timer | null = null;

  constructor(parts: RequestChannelsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The channel for a request to this node. Null: it goes over MQTT; a node that has become busy is invited to open a channel. */
  for(node: string): RequestChannel | null {
    const open = this.#open.get(node);
    if (open) return open;
    const nowMs = this.#parts.clock.monotonicMs();
    const absent = this.#absent.get(node) ?? { askedMs: Number.NEGATIVE_INFINITY, restUntilMs: 0, rests: 0 };
    const isBusy = nowMs - absent.askedMs < busyMs;
    absent.askedMs = nowMs;
    this.#absent.set(node, absent);
    if (isBusy && nowMs >= absent.restUntilMs) {
      absent.restUntilMs = nowMs + Math.min(maxRestMs, restMs * 2 ** absent.rests++);
      this.#invite(node);
    }
    return null;
  }

  #invite(node: string): void {
    const { clock, random, publish } = this.#parts;
    const ticket = random.hex(32);
    this.#tickets.set(ticket, { node, timer: clock.after(ticketMs, () => this.#tickets.delete(ticket)) });
    publish([encode('modelChannel', { node }, { ticket })]);
  }

  /** The node that the ticket was sent to, once. */
  redeem(ticket: string): string | null {
    const found = this.#tickets.get(ticket);
    if (!found) return null;
    found.timer.cancel();
    this.#tickets.delete(ticket);
    return found.node;
  }

  /** The socket of a node whose ticket was redeemed, and its address. It replaces an older one of that node. */
  open(node: string, socket: WebSocket, address: string): void {
    const { clock } = this.#parts;
    this.close(node);
    const open: Open = {
      socket,
      isAlive: true,
      send(messages) {
        for (const message of messages) socket.send(frameOf(message));
        if (socket.bufferedAmount > maxChannelBacklogBytes) socket.terminate();
      },
    };
    this.#open.set(node, open);
    this.#absent.delete(node);
    socket.on('message', (data) => this.#heard(node, socket, address, data));
    socket.on('pong', () => {
      open.isAlive = true;
    });
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => this.#gone(node, open));
    this.#beat ??= clock.every(pingMs, () => this.#ping());
  }

  /** Ends the channel of a node, if it has one. */
  close(node: string): void {
    this.#absent.delete(node);
    const open = this.#open.get(node);
    if (!open) return;
    open.socket.terminate();
    this.#gone(node, open);
  }

  stop(): void {
    for (const node of [...this.#open.keys()]) this.close(node);
    for (const { timer } of this.#tickets.values()) timer.cancel();
    this.#tickets.clear();
  }

  #gone(node: string, open: Open): void {
    if (this.#open.get(node) !== open) return;
    this.#open.delete(node);
    this.#parts.servers(node, '', []);
    if (this.#open.size === 0) {
      this.#beat?.cancel();
      this.#beat = null;
    }
    this.#parts.lost(open);
  }

  #heard(node: string, socket: WebSocket, address: string, data: RawData): void {
    const decoded = decodeFrame(data as Buffer, this.#parts.check);
    if ('refused' in decoded) socket.close(1008, cutToBytes(decoded.text, maxCloseBytes));
    else if (decoded.params.node !== node || !(decoded.name === 'modelAnswers' || decoded.name === 'modelServers'))
      socket.close(1008, cutToBytes(`expected answers of ${node}`, maxCloseBytes));
    else if (decoded.name === 'modelServers') this.#parts.servers(node, address, decoded.message.servers);
    else for (const answer of decoded.message.answers) this.#parts.answered(node, answer);
  }

  #ping(): void {
    for (const open of this.#open.values()) {
      if (!open.isAlive) open.socket.terminate();
      open.isAlive = false;
      open.socket.ping();
    }
  }
}
