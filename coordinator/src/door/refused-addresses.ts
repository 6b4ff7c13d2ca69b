// Refusals, counted by address and minute: guessing is slowed down, and strangers cannot fill the audit log. Bounded: when more addresses
// come than fit, the oldest minute is forgotten first.
import type { Clock } from '@blackroad/std/clock';
import { customerOf } from './address.ts';

const windowMs = 60_000;
const maxAddresses = 10_000;
/** The limit of audit rows in a minute for refusals of all addresses together. */
const maxAuditedPerMinute = 300;

interface RefusedAddresses {
  /** The seconds to wait when this address was refused too often, else 0. */
  blockedSeconds(address: string): number;
  /** Counts one refusal; returns whether it gets an audit row. */
  count(address: string): boolean;
}

export function createRefusedAddresses(clock: Clock, perMinute: number): RefusedAddresses {
  const windows = new Map<string, { sinceMs: number; count: number }>();
  let all = { sinceMs: clock.monotonicMs(), count: 0 };
  return {
    blockedSeconds(address) {
      const window = windows.get(customerOf(address));
      if (!window || window.count < perMinute) return 0;
      const leftMs = window.sinceMs + windowMs - clock.monotonicMs();
      return leftMs > 0 ? Math.ceil(leftMs / 1000) : 0;
    },
    count(address) {
      const now = clock.monotonicMs();
      const bucket = customerOf(address);
      let window = windows.get(bucket);
      if (!window || now - window.sinceMs >= windowMs) {
        windows.delete(bucket);
        while (windows.size >= maxAddresses) windows.delete(windows.keys().next().value as string);
        window = { sinceMs: now, count: 0 };
        windows.set(bucket, window);
      }
      window.count++;
      if (now - all.sinceMs >= windowMs) all = { sinceMs: now, count: 0 };
      all.count++;
      return window.count <= perMinute && all.count <= maxAuditedPerMinute;
    },
  };
}
