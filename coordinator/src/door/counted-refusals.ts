// Every refusal of the broker, the API and the decoder is counted by its reason and logged, and the log lines are bounded: a faulty node
// must not fill a disk. In: a reason from a small set, and a text. Out: counters, and at most a few lines for each reason and minute.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';

const linesPerMinute = 10;
/** The limit of different reasons: a reason that contained a name would otherwise become a counter for each name. */
const maxReasons = 100;

export interface Refusals {
  note(reason: string, fields: object, text: string): void;
  counts(): Record<string, number>;
}

export function createRefusals(log: Log, clock: Clock): Refusals {
  const counts = new Map<string, number>();
  const told = new Map<string, { minute: number; lines: number; silent: number }>();
  return {
    note(given, fields, text) {
      const reason = counts.has(given) || counts.size < maxReasons ? given : 'other';
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
      const minute = Math.floor(clock.monotonicMs() / 60_000);
      const last = told.get(reason);
      const entry = last?.minute === minute ? last : { minute, lines: 0, silent: 0 };
      told.set(reason, entry);
      if (last && last !== entry && last.silent > 0) {
        log.warn({ reason, notShown: last.silent }, 'more refusals of this kind were counted, not shown');
      }
      if (entry.lines < linesPerMinute) {
        entry.lines++;
        log.warn({ ...fields, reason }, text);
      } else entry.silent++;
    },
    counts: () => Object.fromEntries(counts),
  };
}
