// The time by the coordinator's clock. A Pi has no clock battery: after a power cut its clock shows 1970, or last week. In: the
// coordinator's time in its answers. Out: milliseconds since 1970, never below the floor, never jumping with the wall clock.
import type { Clock } from '@blackroad/std/clock';

/** This code is younger than that: a clock that shows an earlier time is wrong. Moved forward with releases. */
export const buildFloorMs = Date.UTC(2026, 10, 1);

/** A larger difference means that a machine's clock is wrong, and is logged for people. */
const clockOffMs = 10 * 60_000;

/**
 * A moment that is surely past, to decide whether a certificate has ended: now by the machine's own clock, unless that is after the end of
 * the node's own certificate. Then the clock may be years ahead, and only the issue of that certificate is surely past.
 */
export function surelyPastMs(clock: Clock, { issuedMs, expiresMs }: { issuedMs: number; expiresMs: number }): number {
  const nowMs = clock.nowMs();
  return nowMs > expiresMs ? issuedMs : nowMs;
}

/** The fault of a machine's clock, in words; null: it is about right. */
export function clockFault(ownMs: number, coordinatorMs: number): string | null {
  if (Math.abs(ownMs - coordinatorMs) <= clockOffMs) return null;
  const [own, theirs] = [ownMs, coordinatorMs].map((ms) => new Date(ms).toISOString());
  return `the clock of this machine is wrong: it shows ${own}, the coordinator's ${theirs}; its log and the triggers of its agents follow it`;
}

export interface FleetTime {
  nowMs(): number;
  /** Called with the time `nowMs` of the coordinator's clock. */
  note(nowMs: number): void;
  /** True once the coordinator sent its time since this process started. */
  readonly known: boolean;
}

/** `floorMs`: a time that is surely past, e.g. the issue of the identity. */
export function createFleetTime(clock: Clock, floorMs = 0): FleetTime {
  const floor = Math.max(buildFloorMs, floorMs);
  let noted: { nowMs: number; atMs: number } | null = null;
  return {
    nowMs() {
      // Monotonic from the last message on: a change of the machine's clock has no effect.
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
