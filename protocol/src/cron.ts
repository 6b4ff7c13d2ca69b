// When a cron expression fires: the one interpretation of it for the code that checks, shows and runs triggers. Computes times only, sets
// no timer. Pure. Times are of the zone that is named: where clocks go forward, a time in the gap fires an hour later; where they go back,
// a time that occurs twice fires at the first, and an hourly expression fires at both.
import { Cron } from 'croner';
import { nearNames } from './near.ts';

interface CronFault {
  expected: string;
  got: string;
}

/** Why an expression never fires after `fromMs`; null when it does. Without a zone, the machine's own is used. */
export function cronFault(expression: string, fromMs: number, timeZone?: string): CronFault | null {
  const got = JSON.stringify(expression);
  try {
    const next = cronOf(expression, timeZone).nextRun(new Date(fromMs));
    return next ? null : { expected: 'a time that comes (this one never does)', got };
  } catch (error) {
    const why = (error as Error).message.replace(/^Cron\w+: /, '').replace(/\.$/, '');
    return { expected: `a cron expression such as 0 8 * * 1-5 (${why.charAt(0).toLowerCase()}${why.slice(1)})`, got };
  }
}

/** Null when this machine has the zone in its table. */
export function timeZoneFault(timeZone: string): CronFault | null {
  if (isTimeZone(timeZone)) return null;
  const folded = timeZone.toLowerCase();
  const names = new Map(Intl.supportedValuesOf('timeZone').map((name) => [name.toLowerCase(), name]));
  const near = nearNames(folded, names.keys()).map((name) => names.get(name));
  const hint = near.length > 0 ? ` (did you mean ${near.join(' or ')}?)` : '';
  return { expected: `a time zone such as Europe/Berlin or UTC${hint}`, got: JSON.stringify(timeZone) };
}
export function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}

/** The next time after `fromMs`, or null. @throws Error where the expression is not valid */
export function nextCronMs(expression: string, fromMs: number, timeZone?: string): number | null {
  return cronOf(expression, timeZone).nextRun(new Date(fromMs))?.getTime() ?? null;
}
/** At most `count` times after `fromMs`; none where the expression is not valid. */
export function nextCronTimes(expression: string, fromMs: number, count: number, timeZone?: string): number[] {
  if (cronFault(expression, fromMs, timeZone) !== null) return [];
  return cronOf(expression, timeZone)
    .nextRuns(count, new Date(fromMs))
    .map((date) => date.getTime());
}

function cronOf(expression: string, timezone: string | undefined): Cron {
  return new Cron(expression, { paused: true, ...(timezone === undefined ? {} : { timezone }) });
}
