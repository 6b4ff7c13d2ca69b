// Events on the health of the machine: each trouble is told when it begins and when it is over. In: what the probes read at each
// heartbeat, connected or not. Out: events. The bounds are those of the coordinator's signs (protocol/health-limits.ts).
import {
  diskFullBytes,
  diskLowBytes,
  isBeyond,
  type NodeEvent,
  type NodeEventType,
  overheatedC,
  troubleOverAfterMs,
} from '@blackroad/protocol';
import type { Probes } from './contracts.ts';
import { createLasting, type Level } from './lasting.ts';

type Health = ReturnType<Probes['health']>;
export type TellEvent = (
  type: NodeEventType,
  severity: NodeEvent['severity'],
  text: string,
  data?: Record<string, unknown>,
) => void;

interface Trouble {
  type: NodeEventType;
  severity: 'warning' | 'error';
  /** It must last so long before it is told. */
  afterMs?: number;
  /** 2: worse, and told as an error. Null: the machine does not say. `was`: at the look before. */
  level: (health: Health, was: Level) => Level | boolean | null;
  text: (health: Health) => string;
  over: (health: Health) => string;
  data?: (health: Health) => Record<string, unknown>;
}

/** A machine that has just started asks its time server first. */
const clockPatienceMs = 5 * 60_000;

const inDegrees = ({ temperatureC = 0 }: Health) => `${Math.round(temperatureC)} °C`;
const freeText = ({ diskFreeBytes }: Health) => `${(diskFreeBytes / 1024 ** 3).toFixed(1)} GiB left`;

const troubles: readonly Trouble[] = [
  {
    type: 'disk-read-only',
    severity: 'error',
    level: ({ readOnlyDisk }) => readOnlyDisk ?? null,
    text: () => 'has a read-only disk: its agents can remember nothing; the SD card may be dying',
    over: () => 'can write to its disk again',
  },
  {
    type: 'disk-low',
    severity: 'warning',
    level({ diskFreeBytes: free }, was) {
      if (isBeyond(diskFullBytes, free, was === 2)) return 2;
      return isBeyond(diskLowBytes, free, was > 0);
    },
    text: (health) => `is short of disk: ${freeText(health)}`,
    over: (health) => `has room on its disk again: ${freeText(health)}`,
    data: ({ diskFreeBytes }) => ({ freeBytes: diskFreeBytes }),
  },
  {
    type: 'undervoltage',
    severity: 'error',
    level: ({ undervoltage }) => undervoltage?.now ?? null,
    text: () => 'has too weak a power supply: undervoltage',
    over: () => 'has enough power again',
  },
  {
    type: 'overheated',
    severity: 'error',
    level: ({ temperatureC }, was) =>
      temperatureC === undefined ? null : isBeyond(overheatedC, temperatureC, was > 0),
    text: (health) => `is overheated: ${inDegrees(health)}; it needs cooling`,
    over: (health) => `has cooled down: ${inDegrees(health)}`,
    data: ({ temperatureC }) => ({ temperatureC }),
  },
  {
    type: 'throttled',
    severity: 'warning',
    level: ({ throttled }) => throttled?.now ?? null,
    text: () => 'is throttled: it runs slower than it could',
    over: () => 'is throttled no more',
  },
  {
    type: 'clock-unsynced',
    severity: 'warning',
    afterMs: clockPatienceMs,
    level: ({ clockSynced }) => (clockSynced === undefined ? null : !clockSynced),
    text: () => 'has a clock that no time server sets: its times are guesses',
    over: () => 'has the right time again',
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
        const { type, severity, level, text, over, data } = each.trouble;
        const seen = level(health, each.was);
        if (seen === null) continue;
        each.was = typeof seen === 'boolean' ? (seen ? 1 : 0) : seen;
        const told = each.lasting.look(each.was, nowMs);
        if (told === null) continue;
        const more = data?.(health) ?? {};
        if (told === 0) tell(type, 'info', over(health), { over: true, ...more });
        else tell(type, told === 2 ? 'error' : severity, text(health), { over: false, ...more });
      }
    },
  };
}
