// What time it is by the coordinator's clock. A Pi has no clock battery: after a power cut it believes it is 1970, or last week.
// In: what the coordinator says in its answers. Out: milliseconds since 1970, never below the floor, never jumping with the wall clock.
import type { Clock } from '@blackroad/std/clock';

/** This code did not exist before: a clock that shows less is wrong. Moved forward with releases. */
export const buildFloorMs = Date.UTC(2026, 10, 1);

/** Apart by so much, a machine's clock is wrong, and people are told. */
const clockOffMs = 10 * 60_000;

/**
 * A moment that is surely past, for judging whether a certificate has ended: now by the machine's own clock, unless that shows later
 * than the node's own certificate lasts. Then the clock may run years ahead, and what is sure is when that certificate was issued.
 */
export function surelyPastMs(clock: Clock, { issuedMs, expiresMs }: { issuedMs: number; expiresMs: number }): number {
  const nowMs = clock.nowMs();
  return nowMs > expiresMs ? issuedMs : nowMs;
}

/** What is wrong with a machine's clock, in words; null: nothing much. */
export function clockFault(ownMs: number, coordinatorMs: number): string | null {
  if (Math.abs(ownMs - coordinatorMs) <= clockOffMs) return null;
  const [own, theirs] = [ownMs, coordinatorMs].map((ms) => new Date(ms).toISOString());
  return `the clock of this machine is wrong: it shows ${own}, the coordinator's ${theirs}; its log and the triggers of its agents follow it`;
}

export interface FleetTime {
  nowMs(): number;
  /** The coordinator said that it is `nowMs` there. */
  note(nowMs: number): void;
  /** True once the coordinator said so itself since this process started. */
  readonly known: boolean;
}

/** `floorMs`: something known to be past, e.g. when the identity was issued. */
export function createFleetTime(clock: Clock, floorMs = 0): FleetTime {
  const floor = Math.max(buildFloorMs, floorMs);
  let noted: { nowMs: number; atMs: number } | null = null;
  return {
    nowMs() {
      // Monotonic from the last word on: someone setting the machine's clock changes nothing.
      if (noted) return noted.nowMs + (clock.monotonicMs() - noted.atMs);
      return Math.max(floor, clock.nowMs());
    },
    note(nowMs) {
      noted = { nowMs, atMs: clock.monotonicMs() };
    },
    get known() {
      return noted !== null;
    },
  };
}
