// Lets TCP connections into their TLS handshake a bounded number at a time, in order of arrival; the rest wait, bounded.
// After a restart ten thousand nodes come at once: a handshake that is begun and starved costs its 3 ms again and again.
// In: raw sockets. Out: sockets handed to `begin`; `release` must be called when the handshake is over, either way.
import type { Socket } from 'node:net';
import type { Clock } from '@blackroad/std/clock';

export interface AdmissionOptions {
  atOnce: number;
  waiting: number;
  /** A slot is taken back after this long even if nobody released it. */
  deadlineMs: number;
  clock: Clock;
  begin: (socket: Socket) => void;
  refuse: (socket: Socket) => void;
}
export interface Admission {
  offer(socket: Socket): void;
  /** `peer`: `peerOf` the socket, or of the TLS socket above it. Harmless when repeated. */
  release(peer: string): void;
  stop(): void;
  readonly atWork: number;
  readonly waiting: number;
}

/** One TCP connection, as both the raw and the TLS socket name it. */
export function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localPort}`;
}

export function createAdmission({ atOnce, waiting, deadlineMs, clock, begin, refuse }: AdmissionOptions): Admission {
  const queue = new Set<Socket>();
  const slots = new Map<string, () => void>();

  function start(socket: Socket): void {
    const peer = peerOf(socket);
    slots.get(peer)?.();
    const timer = clock.after(deadlineMs, () => {
      socket.destroy();
      release(peer);
    });
    const closed = () => release(peer);
    slots.set(peer, () => {
      timer.cancel();
      socket.removeListener('close', closed);
    });
    socket.once('close', closed);
    begin(socket);
  }
  function release(peer: string): void {
    const end = slots.get(peer);
    if (!end) return;
    end();
    slots.delete(peer);
    for (const socket of queue) {
      if (slots.size >= atOnce) return;
      queue.delete(socket);
      // A peer that hung up while it waited has no address any more and needs no handshake.
      if (!socket.destroyed && socket.remoteAddress !== undefined) start(socket);
    }
  }

  return {
    offer(socket) {
      if (slots.size < atOnce) return start(socket);
      if (queue.size >= waiting) return refuse(socket);
      queue.add(socket);
      socket.once('close', () => queue.delete(socket));
    },
    release,
    stop() {
      for (const socket of queue) socket.destroy();
      queue.clear();
      for (const end of slots.values()) end();
      slots.clear();
    },
    get atWork() {
      return slots.size;
    },
    get waiting() {
      return queue.size;
    },
  };
}
