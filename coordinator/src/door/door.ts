// The door between a listening socket and its protocol, the same for MQTT and HTTPS. A connection costs the coordinator a socket until its
// ClientHello is complete; only then does it wait for a handshake slot, and only with a slot does it cost a TLS state. Until `known` is
// called for it, it belongs to a bounded crowd of its address and its subnet. In: the server whose connections are to be guarded. Out:
// those connections, passed to the server's own listeners. A connection that sends must never be refused for one that is silent, nor a
// fleet whose nodes all have one address.
import type { Server, Socket } from 'node:net';
import type { Clock, Timer } from '@blackroad/std/clock';
import { type Origin, originOf } from './address.ts';
import { type Admission, createAdmission } from './admission.ts';
import { maxHelloBytes, readHello } from './client-hello.ts';
import type { Refusals } from './counted-refusals.ts';
import { type Crowd, type CrowdLimits, createCrowd, type Guest } from './crowd.ts';

export interface DoorLimits {
  /** Connections that have not proved yet who they are. */
  strangers: CrowdLimits;
  /** Those of them that have the state of a protocol already: TLS, a parser. */
  begun: CrowdLimits;
  /** TLS handshakes at the same time. */
  handshakes: number;
  /** From TCP to the whole ClientHello. */
  helloMs: number;
  /** After this time a handshake that waits for its peer loses its slot; its own deadline goes on. */
  slotMs: number;
}
interface DoorParts {
  server: Server;
  /** `plain`: the connection is passed on at once (HTTP on loopback). */
  speaks: 'tls' | 'plain';
  limits: DoorLimits;
  refusals: Refusals;
  log: { debug(fields: object, message: string): void };
  clock: Clock;
}
/** One connection. */
interface Caller extends Origin {
  readonly peer: string;
  readonly socket: Socket;
  deadline: Timer | null;
  /** Returns the bytes that were read to the socket. */
  handBack: () => void;
  /** The guests of this connection in the two crowds. */
  readonly stranger: Guest;
  readonly begun: Guest;
}

/** One TCP connection, as both the raw and the TLS socket name it. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localPort}`;
}

export class Door {
  readonly #parts: DoorParts;
  readonly #callers = new Map<string, Caller>();
  readonly #strangers: Crowd;
  readonly #begun: Crowd;
  readonly #admission: Admission<Caller>;
  /** The server's own listeners, which get the accepted connections. */
  readonly #handOn: ((socket: Socket) => void)[];

  /** The server's connections come to the door first from now on. */
  constructor(parts: DoorParts) {
    const { server, limits, refusals, clock } = parts;
    this.#parts = parts;
    this.#strangers = createCrowd(limits.strangers);
    this.#begun = createCrowd(limits.begun);
    this.#admission = createAdmission<Caller>({
      atOnce: limits.handshakes,
      slotMs: limits.slotMs,
      clock,
      begin: (caller) => {
        if (!this.#begun.enter(caller.begun))
          return this.#refuse(caller, 'crowded', 'connection refused: too many are begun and not known');
        this.#begin(caller);
      },
    });
    this.#handOn = server.listeners('connection') as ((socket: Socket) => void)[];
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => this.#came(socket));
    server.on('drop', (peer?: { remoteAddress?: string }) => {
      refusals.note('connections', { address: peer?.remoteAddress }, 'connection refused: too many connections');
    });
    server.on('secureConnection', (socket: Socket) => this.#handshakeOver(socket));
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      this.#handshakeOver(socket);
      const fields = { address: socket.remoteAddress, error: error.message.slice(0, 200) };
      refusals.note('tls', fields, 'TLS handshake failed');
      socket.destroy();
    });
  }

  /** The connection has proved who it is: it leaves the crowds. `socket`: the raw or the TLS socket. */
  known(socket: Socket): void {
    const caller = this.#callers.get(peerOf(socket));
    if (!caller) return;
    this.#strangers.leave(caller.stranger);
    this.#begun.leave(caller.begun);
  }

  get strangers(): number {
    return this.#strangers.size;
  }

  /** Ends every connection. */
  stop(): void {
    this.#admission.stop();
    for (const caller of [...this.#callers.values()]) {
      caller.deadline?.cancel();
      caller.socket.destroy();
    }
  }

  #came(socket: Socket): void {
    const caller = this.#callerOf(socket);
    socket.on('error', () => {}); // a peer that hangs up while it waits
    socket.once('close', () => this.#forget(caller));
    this.#callers.set(caller.peer, caller);
    if (!this.#strangers.enter(caller.stranger)) {
      const text = 'connection refused: too many of its address or network are not known yet';
      this.#refuse(caller, 'crowded', text);
      return;
    }
    if (this.#parts.speaks === 'plain') this.#begin(caller);
    else this.#awaitHello(caller);
  }
  #callerOf(socket: Socket): Caller {
    const { log, refusals } = this.#parts;
    const origin = originOf(socket.remoteAddress);
    const cut = (why: string) => () => {
      log.debug({ address: origin.address }, why);
      refusals.note('crowded', { address: origin.address }, why);
      socket.destroy();
    };
    return {
      ...origin,
      peer: peerOf(socket),
      socket,
      deadline: null,
      handBack() {},
      stranger: { ...origin, cut: cut('connection cut: it is silent, and others of its address or network came') },
      begun: {
        ...origin,
        cut: cut('connection cut: it does not say who it is, and others of its address or network came'),
      },
    };
  }

  /** Reads the ClientHello, and goes on reading while the connection waits: one that sends more than a hello is refused. */
  #awaitHello(caller: Caller): void {
    const { limits, clock } = this.#parts;
    const { socket } = caller;
    let held: Buffer[] = [];
    let bytes = 0;
    let whole = false;
    caller.deadline = clock.after(limits.helloMs, () =>
      this.#refuse(caller, 'silent', `connection cut: no TLS ClientHello within ${limits.helloMs / 1000} s`),
    );
    const read = () => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        held.push(chunk);
        bytes += chunk.length;
      }
      if (bytes === 0) return;
      if (bytes > maxHelloBytes)
        return this.#refuse(caller, 'tls', 'TLS handshake failed: more than a ClientHello came');
      if (whole) return;
      const hello = Buffer.concat(held);
      held = [hello];
      const verdict = readHello(hello);
      if (verdict === 'foreign')
        return this.#refuse(caller, 'tls', 'TLS handshake failed: the first bytes are no ClientHello');
      if (verdict === 'more') return;
      whole = true;
      caller.deadline?.cancel();
      this.#strangers.busy(caller.stranger);
      this.#admission.offer(caller);
    };
    socket.on('readable', read);
    caller.handBack = () => {
      socket.removeListener('readable', read);
      socket.unshift(Buffer.concat(held));
    };
  }
  #begin({ socket, handBack }: Caller): void {
    handBack();
    for (const listener of this.#handOn) listener.call(this.#parts.server, socket);
  }
  #handshakeOver(socket: Socket): void {
    const caller = this.#callers.get(peerOf(socket));
    if (caller) this.#admission.release(caller);
  }
  #refuse(caller: Caller, reason: string, text: string): void {
    this.#parts.refusals.note(reason, { address: caller.address }, text);
    caller.socket.destroy();
    this.#forget(caller);
  }
  #forget(caller: Caller): void {
    caller.deadline?.cancel();
    this.#strangers.leave(caller.stranger);
    this.#begun.leave(caller.begun);
    this.#admission.release(caller);
    if (this.#callers.get(caller.peer) === caller) this.#callers.delete(caller.peer);
  }
}
