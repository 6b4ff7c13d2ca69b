// Cron expressions for people, in words. Pure.
import { cronFault } from '@blackroad/protocol/cron';

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const shorts: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};

const listed = (words: string[]) =>
  words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
const ordinal = (n: number) =>
  `${n}${n % 100 > 10 && n % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')}`;

/** `1-5` and `1,3` with a word for each figure; null for forms this does not read. */
function named(field: string, word: (n: number) => string | undefined): string | null {
  const parts = field.split(',').map((part) => {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!range) return null;
    const from = word(Number(range[1]));
    const to = range[2] === undefined ? undefined : word(Number(range[2]));
    return range[2] === undefined ? (from ?? null) : from && to ? `${from} to ${to}` : null;
  });
  return parts.includes(null) ? null : listed(parts as string[]);
}
const every = (field: string): number | null => {
  const step = /^(?:\*|0)\/(\d+)$/.exec(field);
  return step ? Number(step[1]) : null;
};
const twoDigits = (n: number | string) => String(n).padStart(2, '0');

function timeInWords(minute: string, hour: string): string | null {
  const eachMinutes = every(minute);
  const during = hour === '*' ? '' : named(hour, (n) => `${twoDigits(n)}:00`);
  if (minute === '*' || eachMinutes === 1)
    return during === null ? null : `every minute${during && ` of the hour ${during}`}`;
  if (eachMinutes !== null) {
    return during === null ? null : `every ${eachMinutes} minutes${during && ` of the hour ${during}`}`;
  }
  if (!/^\d+(,\d+)*$/.test(minute)) return null;
  const minutes = minute.split(',');
  const eachHours = every(hour);
  if (hour === '*' || eachHours !== null) {
    const hours = eachHours === null || eachHours === 1 ? 'every hour' : `every ${eachHours} hours`;
    return minute === '0' ? hours : `${hours}, ${listed(minutes.map(Number).map(String))} minutes past`;
  }
  if (/^\d+(,\d+)*$/.test(hour)) {
    const times = hour.split(',').flatMap((h) => minutes.map((m) => `${twoDigits(h)}:${twoDigits(m)}`));
    return `at ${listed(times)}`;
  }
  const range = /^(\d+)-(\d+)$/.exec(hour);
  if (!range || minutes.length > 1) return null;
  const at = (h: string | undefined) => `${twoDigits(h ?? '')}:${twoDigits(minute)}`;
  return `every hour from ${at(range[1])} to ${at(range[2])}`;
}

/** Why it never fires, or null. */
export function faultInWords(expression: string, nowMs: number = 0, timeZone?: string): string | null {
  const fault = cronFault(expression, nowMs, timeZone);
  return fault && `Expected ${fault.expected}`;
}

/** `at 08:00 from Monday to Friday`. What this cannot say is said to be so: the next times stand beside it anyway. */
export function cronInWords(expression: string): string {
  const fault = faultInWords(expression);
  if (fault !== null) return fault;
  const text = shorts[expression.trim().toLowerCase()] ?? expression.trim();
  const fields = text.split(/\s+/);
  if (fields.length === 6 && fields[0] === '0') fields.shift();
  const [minute = '', hour = '', date = '', month = '', weekday = ''] = fields;
  const time = fields.length === 5 ? timeInWords(minute, hour) : null;
  const onDate = date === '*' ? '' : named(date, (n) => `the ${ordinal(n)}`);
  const inMonth = month === '*' ? '' : named(month, (n) => months[n - 1]);
  const onDay = weekday === '*' ? '' : named(weekday, (n) => days[n % 7]);
  if (time === null || onDate === null || inMonth === null || onDay === null) return 'By its expression';
  const both = onDate && onDay ? ' or ' : '';
  const words = [
    time,
    onDate && ` on ${onDate}`,
    both,
    onDay && (onDay.includes(' to ') && !onDay.includes(',') ? ` from ${onDay}` : ` on ${onDay}`),
    inMonth && ` in ${inMonth}`,
  ]
    .join('')
    .replace(' or  ', ' or ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
