// Windows: the hours of the week in which something new may begin, in the fleet's time zone. Pure.
import type { RolloutWindow } from '@blackroad/protocol';
import { weekdays } from '@blackroad/protocol/rollout-words';

type Day = (typeof weekdays)[number];
const dayMinutes = 24 * 60;

export function isOpen(windows: readonly RolloutWindow[], nowMs: number, timeZone: string): boolean {
  if (windows.length === 0) return true;
  const now = localOf(nowMs, timeZone);
  const yesterday = weekdays[(weekdays.indexOf(now.day) + 6) % 7] as Day;
  return windows.some(({ days, from, to }) => {
    const begins = (day: Day) => days === undefined || days.includes(day);
    const [first, last] = [minutesOf(from), minutesOf(to)];
    if (first < last) return begins(now.day) && now.minutes >= first && now.minutes < last;
    // Over midnight; from a time to the same one is a whole day.
    return (begins(now.day) && now.minutes >= first) || (begins(yesterday) && now.minutes < last);
  });
}

/** From its beginning to its end; from a time to the same one is a whole day. */
export function lengthMs({ from, to }: RolloutWindow): number {
  return ((minutesOf(to) - minutesOf(from) + dayMinutes) % dayMinutes || dayMinutes) * 60_000;
}
function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return (hours * 60 + minutes) % dayMinutes;
}
/** By time zone, of which a fleet has one. Making one takes fifty times as long as its use, and a step of a rollout asks for each node. */
const formats = new Map<string, Intl.DateTimeFormat>();
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known) return known;
  const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const format = new Intl.DateTimeFormat('en-GB', { ...parts, timeZone });
  formats.set(timeZone, format);
  return format;
}
function localOf(nowMs: number, timeZone: string): { day: Day; minutes: number } {
  const parts = formatOf(timeZone).formatToParts(nowMs);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? '';
  return { day: part('weekday').toLowerCase() as Day, minutes: Number(part('hour')) * 60 + Number(part('minute')) };
}
export function windowsInWords(windows: readonly RolloutWindow[]): string {
  return windows.map(({ days, from, to }) => `${days ? `${days.join(', ')} ` : ''}${from} to ${to}`).join('; ');
}
