// The last lines of the log in memory, so that `fleet logs <node>` needs no file and no SD writes.
import type { Log } from '@blackroad/std/log';

const maxLines = 500;
const maxLineLength = 2000;

/** A Log that also keeps its last lines; `lines(n)` returns them, the newest last. */
export function ringLog(log: Log, nowMs: () => number): { log: Log; lines(count: number): string[] } {
  const lines: string[] = [];
  const remember = (level: string, fields: object, message: string) => {
    const { err, ...rest } = fields as { err?: unknown };
    const reason = err instanceof Error ? `: ${err.message}` : '';
    const more = Object.keys(rest).length > 0 ? ` ${JSON.stringify(rest)}` : '';
    lines.push(`${new Date(nowMs()).toISOString()} ${level} ${message}${reason}${more}`.slice(0, maxLineLength));
    if (lines.length > maxLines) lines.splice(0, lines.length - maxLines);
  };
  const wrap = (inner: Log): Log => ({
    debug: (fields, message) => inner.debug(fields, message),
    info(fields, message) {
      remember('info', fields, message);
      inner.info(fields, message);
    },
    warn(fields, message) {
      remember('warn', fields, message);
      inner.warn(fields, message);
    },
    error(fields, message) {
      remember('error', fields, message);
      inner.error(fields, message);
    },
    child: (fields) => wrap(inner.child(fields)),
  });
  return { log: wrap(log), lines: (count) => lines.slice(-count) };
}
