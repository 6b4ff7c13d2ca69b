// The periods of budgets: days and calendar months in the fleet's time zone. A period is known by its end. Pure.
import type { Budget } from '@blackroad/protocol';
import { nextCronMs } from '@blackroad/protocol/cron';
import type { SpendingRow } from '../state/budget-rows.ts';

/** When a period begins; null: it has no end. */
const begins: Record<Budget['per'], string | null> = { day: '0 0 * * *', month: '0 0 1 * *', total: null };

/** The period that has this moment. */
export function periodAt(
  per: Budget['per'],
  nowMs: number,
  timeZone: string,
): Pick<SpendingRow, 'per' | 'untilMs' | 'period' | 'renewed'> {
  const begin = begins[per];
  const untilMs = begin === null ? null : nextCronMs(begin, nowMs, timeZone);
  if (untilMs === null) return { per, untilMs, period: '', renewed: null };
  const words = (ms: number, parts: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-GB', { ...parts, timeZone }).format(ms);
  const day = { day: 'numeric', month: 'long' } as const;
  return { per, untilMs, period: words(nowMs, per === 'day' ? day : { month: 'long' }), renewed: words(untilMs, day) };
}
