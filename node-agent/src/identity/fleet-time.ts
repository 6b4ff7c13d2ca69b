// What time it is by the coordinator's clock. A Pi has no clock battery: after a power cut it believes it is 1970, or last week.
// In: what the coordinator says in its answers. Out: milliseconds since 1970, never below the floor, never jumping with the wall clock.
import type { Clock } from '@blackroad/std/clock';

/** This code did not exist before: a clock that shows less is wrong. Moved forward with releases. */
export const buildFloorMs = Date.UTC(2026, 10, 1);

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
