// One log format for every process: pino's JSON lines on stderr (stdout is for the output that a person asked for), or words where stderr
// is a terminal. Modules receive a Log; tests pass `silentLog` or collect lines.
import { pino } from 'pino';
import { wordsOf } from './log-words.ts';

export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A pino logger writing to stderr. `name` is the process: `coordinator`, `node-agent`. */
export function createLog(name: string, level: LogLevel): Log {
  return pino(
    {
      name,
      level,
      base: { name },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: pino.stdSerializers.err },
    },
    process.stderr.isTTY ? wordsOf(process.stderr) : pino.destination({ fd: 2, sync: true }),
  );
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };
