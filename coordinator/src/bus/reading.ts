// The reading of a connection by its parser: no packet that is too large or invalid, and not more than the pace of the connection allows.
// In: a socket before its parser has it. Out: the same socket, whose `read` keeps to the limits.
import type { TLSSocket } from 'node:tls';
import type { Clock, Timer } from '@blackroad/std/clock';
import { createPace, type PaceLimits } from './pace.ts';
import { createPacketGuard, type PacketLimits } from './packet-guard.ts';

interface ReadingOptions {
  packets: PacketLimits;
  pace: PaceLimits;
  clock: Clock;
  /** A fault, which ends the connection. */
  onFault: (fault: string) => void;
  /** Called once for each connection. */
  onSlowed: () => void;
}

/** Of a connection that is slowed down, in the log. */
export const tooFast = 'a connection sends more than its pace allows: it is read more slowly from here on';

export function boundReading(
  socket: TLSSocket,
  { packets, pace: limits, clock, onFault, onSlowed }: ReadingOptions,
): void {
  const guard = createPacketGuard(packets);
  const pace = createPace(clock, limits);
  const read = socket.read.bind(socket);
  let pause: Timer | null = null;
  let isTold = false;
  socket.read = (size?: number) => {
    if (pause) return null;
    const bytes = read(size) as Buffer | null;
    const fault = bytes && guard(bytes);
    if (fault) {
      onFault(fault);
      return null;
    }
    const waitMs = bytes ? pace(guard.taken()) : 0;
    if (waitMs > 0) {
      pause = clock.after(waitMs, () => {
        pause = null;
        socket.emit('readable');
      });
      if (!isTold) onSlowed();
      isTold = true;
    }
    return bytes;
  };
  socket.once('close', () => pause?.cancel());
}
