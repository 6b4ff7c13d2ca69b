// Log lines for a person: where a process writes to a terminal, each JSON line becomes a short sentence with its fields behind it. Foreign
// control characters never reach the terminal. A message that many parts of a process log at once is shown once.
import { harmlessLine } from './harmless.ts';

const levels: Record<number, string> = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
const hidden = new Set(['level', 'time', 'name', 'msg', 'pid', 'hostname']);
const onceMs = 1000;

/** A destination for pino: receives its lines, writes words. */
export function wordsOf(out: { write(text: string): unknown }): { write(line: string): void } {
  let last = '';
  let lastMs = 0;
  let repeated = 0;
  return {
    write(line) {
      const fields = JSON.parse(line) as Record<string, unknown>;
      const { level, time, msg } = fields as { level: number; time: string; msg?: string };
      const key = `${level} ${msg}`;
      const atMs = Date.parse(time);
      if (key === last && atMs - lastMs < onceMs) {
        repeated++;
        return;
      }
      if (repeated > 0) out.write(`         ... and ${repeated} more like it\n`);
      last = key;
      lastMs = atMs;
      repeated = 0;
      const more = Object.entries(fields).filter(([field]) => !hidden.has(field));
      const words = more.map(([field, value]) => `${field}=${fieldInWords(field, value)}`).join(' ');
      out.write(
        `${time.slice(11, 19)} ${(levels[level] ?? String(level)).padEnd(5)} ${harmlessLine(msg ?? '')}${words ? `  ${words}` : ''}\n`,
      );
    },
  };
}

function fieldInWords(field: string, value: unknown): string {
  if (field === 'err') return harmlessLine(String((value as { message?: unknown } | null)?.message ?? value));
  return harmlessLine(typeof value === 'string' ? value : JSON.stringify(value));
}
