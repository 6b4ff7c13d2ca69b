// The console's clock: the time of the coordinator, since its figures are shown beside times of the console, and the clock of a laptop may
// be wrong. This is also the only file of the console that sets timers or reads chance.
import { useSyncExternalStore } from 'react';

let aheadMs = 0;
let known = false;

/** Notes the time in a message that has just arrived. The smallest lag so far is the best estimate. */
export function learnTime(coordinatorMs: number): void {
  const ahead = coordinatorMs - Date.now();
  if (!known || ahead > aheadMs || aheadMs - ahead > 30_000) aheadMs = ahead;
  known = true;
}
/** Milliseconds since 1970 by the coordinator's clock. */
export const nowMs = (): number => Date.now() + aheadMs;
export const monotonicMs = (): number => performance.now();

/** Runs once after `delayMs`; the returned function cancels it. */
export function after(delayMs: number, run: () => void): () => void {
  const handle = setTimeout(run, delayMs);
  return () => clearTimeout(handle);
}
export function every(periodMs: number, run: () => void): () => void {
  const handle = setInterval(run, periodMs);
  return () => clearInterval(handle);
}
/** Full jitter: uniform in [0, min(max, first * 2^attempt)], never below a tenth of `first`, so that consoles do not return at once. */
export function backoffMs(attempt: number, first = 400, max = 15_000): number {
  return Math.max(first / 10, Math.random() * Math.min(max, first * 2 ** Math.min(attempt, 30)));
}

// One tick a second moves every relative time on the page; none while the page is hidden.
const watchers = new Set<() => void>();
let tick = nowMs();
let stop: (() => void) | null = null;
function watch(changed: () => void) {
  watchers.add(changed);
  stop ??= every(1000, () => {
    if (document.hidden) return;
    tick = nowMs();
    for (const each of watchers) each();
  });
  return () => {
    watchers.delete(changed);
    if (watchers.size > 0) return;
    stop?.();
    stop = null;
  };
}
/** The time now, again every `stepMs` (a multiple of a second). */
export function useNow(stepMs = 1000): number {
  return useSyncExternalStore(watch, () => Math.max(tick, 0) - (tick % stepMs));
}
