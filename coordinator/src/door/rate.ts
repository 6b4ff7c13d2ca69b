// The number of requests that one name may make in a minute: windows of a minute, for a bounded number of names.
import type { Clock } from '@blackroad/std/clock';

const windowMs = 60_000;
const maxNames = 10_000;

interface Rate {
  /** Counts one request; the seconds to wait when there were too many, else 0. */
  take(name: string): number;
  /** What this name may still ask within its minute, and the milliseconds until the next one. */
  left(name: string): { requests: number; resetMs: number };
}

export function createRate(clock: Clock, perMinute: number): Rate {
  const windows = new Map<string, { sinceMs: number; count: number }>();
  return {
    take(name) {
      const now = clock.monotonicMs();
      let window = windows.get(name);
      if (!window || now - window.sinceMs >= windowMs) {
        windows.delete(name);
        while (windows.size >= maxNames) windows.delete(windows.keys().next().value as string);
        window = { sinceMs: now, count: 0 };
        windows.set(name, window);
      }
      window.count++;
      return window.count <= perMinute ? 0 : Math.max(1, Math.ceil((window.sinceMs + windowMs - now) / 1000));
    },
    left(name) {
      const window = windows.get(name);
      const resetMs = window ? window.sinceMs + windowMs - clock.monotonicMs() : 0;
      if (!window || resetMs <= 0) return { requests: perMinute, resetMs: 0 };
      return { requests: Math.max(0, perMinute - window.count), resetMs: Math.ceil(resetMs) };
    },
  };
}
