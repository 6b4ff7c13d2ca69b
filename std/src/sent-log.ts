// The log of a thread or process that has no log of its own: each line is sent to the one that has. In: a function that sends. Out: a Log.
import type { Log } from './log.ts';

export interface SentLine {
  log: Exclude<keyof Log, 'child'>;
  fields: object;
  text: string;
}

export function sentLog(send: (line: SentLine) => void, own: object = {}): Log {
  const line = (log: SentLine['log']) => (fields: object, text: string) =>
    send({ log, fields: { ...own, ...fields }, text });
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => sentLog(send, { ...own, ...fields }),
  };
}
