// Events on the health of the machine: each trouble is reported when it begins and when it is over. In: the measurements of the probes at
// each heartbeat, connected or not. Out: events. The bounds are those of the coordinator's conditions (protocol/health-limits.ts).
import { diskFullBytes, diskLowBytes, isBeyond, overheatedC, troubleOverAfterMs } from '@blackroad/protocol';
import type { Probes } from '../probes/probes.ts';
import type { TellEvent } from '../transport/node-event.ts';
import { createLasting, type Level } from './lasting.ts';

type Health = ReturnType<Probes['health']>;
interface Trouble {
  /** How long it must last before it is reported. */
  afterMs?: number;
  /** 2: worse, and reported once more. Null: the machine does not measure it. `was`: the level at the look before. */
  level: (health: Health, was: Level) => Level | boolean | null;
  tell: (tell: TellEvent, over: boolean, health: Health) => void;
}

/** A machine that has just started needs time to ask its time server. */
const clockPatienceMs = 5 * 60_000;

const troubles: readonly Trouble[] = [
  {
    level: ({ readOnlyDisk }) => readOnlyDisk ?? null,
    tell: (tell, over) => tell('disk-read-only', { over }),
  },
  {
    level({ diskFreeBytes: free }, was) {
      if (isBeyond(diskFullBytes, free, was === 2)) return 2;
      return isBeyond(diskLowBytes, free, was > 0);
    },
    tell: (tell, over, { diskFreeBytes }) => tell('disk-low', { over, freeBytes: diskFreeBytes }),
  },
  {
    level: ({ undervoltage }) => undervoltage?.now ?? null,
    tell: (tell, over) => tell('undervoltage', { over }),
  },
  {
    level: ({ temperatureC }, was) =>
      temperatureC === undefined ? null : isBeyond(overheatedC, temperatureC, was > 0),
    tell: (tell, over, { temperatureC = 0 }) => tell('overheated', { over, temperatureC }),
  },
  {
    level: ({ throttled }) => throttled?.now ?? null,
    tell: (tell, over) => tell('throttled', { over }),
  },
  {
    afterMs: clockPatienceMs,
    level: ({ clockSynced }) => (clockSynced === undefined ? null : !clockSynced),
    tell: (tell, over) => tell('clock-unsynced', { over }),
  },
];

export function createHealthEvents(tell: TellEvent): { look(health: Health, nowMs: number): void } {
  const watched = troubles.map((trouble) => ({
    trouble,
    was: 0 as Level,
    lasting: createLasting({ beginsAfterMs: trouble.afterMs ?? 0, overAfterMs: troubleOverAfterMs }),
  }));
  return {
    look(health, nowMs) {
      for (const each of watched) {
        const seen = each.trouble.level(health, each.was);
        if (seen === null) continue;
        each.was = typeof seen === 'boolean' ? (seen ? 1 : 0) : seen;
        const told = each.lasting.look(each.was, nowMs);
        if (told !== null) each.trouble.tell(tell, told === 0, health);
      }
    },
  };
}
