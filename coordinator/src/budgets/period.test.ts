// Periods of budgets, by the time zone of the fleet, and through the days on which clocks are set.
import t from 'tap';
import { periodAt } from './period.ts';

const ms = (text: string) => Date.parse(text);
for (const [per, now, zone, until, period, renewed] of [
  ['month', '2026-11-29T12:00:00Z', 'UTC', '2026-12-01T00:00:00Z', 'November', '1 December'],
  ['month', '2026-11-30T23:30:00Z', 'Europe/Berlin', '2026-12-31T23:00:00Z', 'December', '1 January'],
  ['month', '2026-11-30T23:30:00Z', 'America/New_York', '2026-12-01T05:00:00Z', 'November', '1 December'],
  ['day', '2026-11-29T23:30:00Z', 'UTC', '2026-11-30T00:00:00Z', '29 November', '30 November'],
  ['day', '2026-10-24T22:30:00Z', 'Europe/Berlin', '2026-10-25T23:00:00Z', '25 October', '26 October'],
  ['day', '2026-03-28T23:30:00Z', 'Europe/Berlin', '2026-03-29T22:00:00Z', '29 March', '30 March'],
  ['total', '2026-11-29T12:00:00Z', 'UTC', null, '', null],
] as const) {
  t.test(`${per} at ${now} in ${zone}`, async (t) => {
    const untilMs = until === null ? null : ms(until);
    t.same(periodAt(per, ms(now), zone), { per, untilMs, period, renewed });
    if (untilMs !== null) t.not(periodAt(per, untilMs, zone).untilMs, untilMs, 'its end is of the next one');
  });
}
