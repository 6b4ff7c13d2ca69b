// What the processes of a world say in their logs: nobody reads them there, so the harness does. In: each line. Out: a claim that
// broke, when a line tells of a fault of the code, or of trouble that no fault of the world accounts for.
import type { Log } from '@blackroad/std/log';

export interface LogWatch {
  /** Trouble that is going on, in words; null: none, all should be well. */
  trouble(): string | null;
  broke(text: string): void;
  trace(text: string): void;
}

/** Lines of the level error that are the right thing to say when nothing is broken. */
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
