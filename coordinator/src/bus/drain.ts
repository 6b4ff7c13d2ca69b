// Waits for a slow reader without letting a stuck one hold anything: callbacks wait together, and a connection that has read no byte for
// `stallMs` is given up. Progress counts, not an empty buffer: a Pi on weak Wi-Fi may need a minute for a large snapshot, and `drain` comes
// only when all of it is sent.
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '@blackroad/std/clock';

interface DrainOptions {
  stallMs: number;
  clock: Clock;
  onStall: () => void;
}

/** Fields of Node that its types lack: the TCP connection below TLS, and the bytes that the kernel has not accepted yet. */
interface Beneath {
  _parent?: { _handle?: { writeQueueSize?: number } | null } | null;
}

/** Returns a function that waits; every callback is called exactly once, also when the connection ends. */
export function createDrain(
  socket: TLSSocket,
  { stallMs, clock, onStall }: DrainOptions,
): (waiting: () => void) => void {
  let waiters: (() => void)[] = [];
  let timer: Timer | null = null;
  let taken = 0;
  let queued = 0;
  let strikes = 0;
  const takenNow = () => socket.bytesWritten - socket.writableLength;
  // Node writes all waiting bytes as one batch and reports them only after the last one; meanwhile the queue of TCP shrinks.
  const queuedNow = () => (socket as Beneath)._parent?._handle?.writeQueueSize ?? 0;

  function end(): void {
    timer?.cancel();
    timer = null;
    const released = waiters;
    waiters = [];
    for (const waiter of released) setImmediate(waiter);
  }
  function check(): void {
    if (!socket.writableNeedDrain || socket.destroyed) {
      end();
      return;
    }
    const before = { taken, queued };
    taken = takenNow();
    queued = queuedNow();
    strikes = taken > before.taken || queued < before.queued ? 0 : strikes + 1;
    // Two checks without progress are needed: after one long turn of the event loop every reader seems to have stopped.
    if (strikes < 2) return;
    onStall();
    end();
  }
  socket.once('close', end);
  return (waiter) => {
    if (socket.destroyed) {
      setImmediate(waiter);
      return;
    }
    waiters.push(waiter);
    if (timer) return;
    taken = takenNow();
    queued = queuedNow();
    strikes = 0;
    timer = clock.every(stallMs / 2, check);
    socket.once('drain', end);
  };
}
