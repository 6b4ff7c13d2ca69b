// Figures, times and errors as people read them. Pure: the time now comes in.
import { counted } from '@blackroad/protocol/quantity-words';

/** An error as a sentence for people. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const KiB = 1024;
const steps = [
  ['TiB', KiB ** 4],
  ['GiB', KiB ** 3],
  ['MiB', KiB ** 2],
  ['KiB', KiB],
] as const;

/** `1.5 GiB`, `340 MiB`, `12 B`. */
export function bytes(count: number): string {
  for (const [unit, size] of steps) {
    if (Math.abs(count) >= size) {
      const value = count / size;
      return `${value.toFixed(Math.abs(value) < 10 ? 1 : 0)} ${unit}`;
    }
  }
  return `${Math.round(count)} B`;
}
/** `1,234`, `12.3 k`, `4.5 M`. */
export function count(value: number): string {
  if (Math.abs(value) >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (Math.abs(value) >= 1e5) return `${(value / 1e3).toFixed(0)} k`;
  return Math.round(value).toLocaleString('en');
}
/** A figure with few digits. */
export function figure(value: number): string {
  const size = Math.abs(value);
  return size >= 1000
    ? count(value)
    : size >= 100
      ? value.toFixed(0)
      : size >= 10
        ? value.toFixed(1)
        : value.toFixed(2);
}
export const percent = (share: number): string => `${Math.round(share * 100)} %`;

const irregular: Record<string, string> = {
  memory: 'memories',
  branch: 'branches',
  query: 'queries',
  entry: 'entries',
};
/** `1 node`, `3 nodes`, `1,200 memories`. */
export function plural(n: number, word: string): string {
  return counted(n, word, irregular[word]);
}
/** `130 of 10,000`. */
export const partInWords = ({ have, of }: { have: number; of: number }): string => `${count(have)} of ${count(of)}`;

/** `820 ms`, `3.4 s`, `5 min`, `2 h`, `4 d`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
/** The length of a state: in whole seconds, without milliseconds. */
export function age(ms: number): string {
  if (ms < 2000) return 'a moment';
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : duration(ms);
}
/** `just now`, `12 s ago`, `in 3 h`. */
export function relative(atMs: number, nowMs: number): string {
  const ms = nowMs - atMs;
  if (Math.abs(ms) < 2000) return 'just now';
  const seconds = Math.abs(ms) / 1000;
  const words = seconds < 120 ? `${Math.round(seconds)} s` : duration(Math.abs(ms));
  return ms > 0 ? `${words} ago` : `in ${words}`;
}
/** With the zone, and with the day where it is not today, for a report. */
export function exact(atMs: number): string {
  return new Date(atMs).toLocaleString('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'short',
  });
}
export function clockTime(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}
/** US dollars: cents where they matter. */
export function money(dollars: number): string {
  return dollars > 0 && dollars < 0.01 ? `$${dollars.toPrecision(2)}` : `$${dollars.toFixed(2)}`;
}
