// Waiting for a slow reader without letting a frozen one hold anything: callbacks wait together, and a connection that has
// taken no byte for `stallMs` is given up. Progress counts, not an empty buffer: a Pi on weak Wi-Fi may need a minute for a
// large snapshot, and `drain` fires only when all of it is gone.
import type { Socket } from 'node:net';
import type { Clock, Timer } from '@blackroad/std/clock';

export interface DrainOptions {
  stallMs: number;
  clock: Clock;
  onStall: () => void;
}

/** Returns the function to wait with; every callback is called exactly once, also when the connection ends. */
export function createDrain(socket: Socket, { stallMs, clock, onStall }: DrainOptions): (waiting: () => void) => void {
  let waiters: (() => void)[] = [];
  let timer: Timer | null = null;
  let taken = 0;
  let strikes = 0;
  const takenNow = () => socket.bytesWritten - socket.writableLength;

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
    const now = takenNow();
    strikes = now === taken ? strikes + 1 : 0;
    taken = now;
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
    strikes = 0;
    timer = clock.every(stallMs / 2, check);
    socket.once('drain', end);
  };
}
