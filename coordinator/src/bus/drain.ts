// Waiting for a slow reader without letting a frozen one hold anything: callbacks wait together, and a connection that has
// taken no byte for `stallMs` is given up. Progress counts, not an empty buffer: a Pi on weak Wi-Fi may need a minute for a
// large snapshot, and `drain` fires only when all of it is gone.
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '@blackroad/std/clock';

interface DrainOptions {
  stallMs: number;
  clock: Clock;
  onStall: () => void;
}

/** What Node has and its types do not tell: the TCP connection below TLS, and how much of it the kernel has not taken yet. */
interface Beneath {
  _parent?: { _handle?: { writeQueueSize?: number } | null } | null;
}

/** Returns the function to wait with; every callback is called exactly once, also when the connection ends. */
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
  // Node writes all that waits as one batch and counts none of it before the last byte; TCP's queue shrinks on the way.
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
    // Two looks without progress: after one long turn of our own event loop everybody seems to have stopped.
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
