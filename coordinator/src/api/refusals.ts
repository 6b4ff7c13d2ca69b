// Counts refused sign-ins, keys and joins by address and minute. Slows guessing and keeps the audit log from being filled by
// strangers. Bounded: when more addresses come than fit, the oldest minute is forgotten first.
import { isIPv6 } from 'node:net';
import type { Clock } from '@blackroad/std/clock';

const windowMs = 60_000;
const maxAddresses = 10_000;
/** Refusals of all addresses together that are worth an audit row a minute. */
const maxAuditedPerMinute = 300;

export interface Refusals {
  /** Seconds to wait when this address was refused too often, else 0. */
  blockedSeconds(address: string): number;
  /** Counts one; answers whether it deserves an audit row. */
  count(address: string): boolean;
}

/** An IPv6 customer has a /64 at least: its addresses count as one. */
function bucketOf(address: string): string {
  if (!isIPv6(address)) return address;
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  if (plain !== address) return plain;
  const [head = '', tail = ''] = address.split('::');
  const front = head.split(':').filter(Boolean);
  const back = tail.split(':').filter(Boolean);
  const groups = address.includes('::')
    ? [...front, ...Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
    : front;
  return groups.slice(0, 4).join(':');
}

export function createRefusals(clock: Clock, perMinute: number): Refusals {
  const windows = new Map<string, { sinceMs: number; count: number }>();
  let all = { sinceMs: clock.monotonicMs(), count: 0 };
  return {
    blockedSeconds(address) {
      const window = windows.get(bucketOf(address));
      if (!window || window.count < perMinute) return 0;
      const leftMs = window.sinceMs + windowMs - clock.monotonicMs();
      return leftMs > 0 ? Math.ceil(leftMs / 1000) : 0;
    },
    count(address) {
      const now = clock.monotonicMs();
      const bucket = bucketOf(address);
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
