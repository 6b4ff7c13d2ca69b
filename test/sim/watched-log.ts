// A check of the logs of all processes of a world, which no person reads. In: each line. Out: a broken claim, when a line reports a fault
// of the code, or a trouble without an injected fault as its cause.
import type { Log } from '@blackroad/std/log';

export interface LogWatch {
  /** The present troubles, in words; null: none, so no error may be logged. */
  trouble(): string | null;
  broke(text: string): void;
  trace(text: string): void;
}

/** Lines of level error that are right although nothing is broken. */
const ordinary: readonly RegExp[] = [/^the coordinator says farewell/];

export function watchedLog(watch: LogWatch): Log {
  const line = (level: 'warn' | 'error', fields: object, message: string) => {
    const { err, reason } = fields as { err?: unknown; reason?: string };
    const cause = err instanceof Error ? err : null;
    watch.trace(`${level}: ${message}${cause ? ` (${cause.message})` : ''}`);
    for (let each: unknown = cause; each instanceof Error; each = each.cause)
      if (each instanceof TypeError || each instanceof ReferenceError || each instanceof RangeError)
        return watch.broke(`${message}: ${each.stack}`);
    if (reason !== undefined && 'topic' in fields) return watch.broke(`a message is refused (${reason}): ${message}`);
    if (level === 'error' && !watch.trouble() && !ordinary.some((text) => text.test(message)))
      watch.broke(`without a fault it says: ${message}${cause ? ` (${cause.stack})` : ''}`);
  };
  const log: Log = {
    debug() {},
    info() {},
    warn: (fields, message) => line('warn', fields, message),
    error: (fields, message) => line('error', fields, message),
    child: () => log,
  };
  return log;
}
