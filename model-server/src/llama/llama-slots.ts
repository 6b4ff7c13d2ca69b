// Part of the child process: assigns the context's sequences to answers; and failures that keep their code across the channel.
import type { RuntimeErrorCode } from '../runtime-error.ts';

export class Failure extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

interface Slots<T> {
  /** Throws `overloaded` when all are busy and none will be free soon. */
  take(signal: AbortSignal): Promise<T>;
  give(slot: T, signal: AbortSignal): void;
}

/** Sequences as slots. The last released is used first: its context likely begins like the next prompt. */
export function createSlots<T>(free: T[]): Slots<T> {
  const all = free.length;
  const ending = new Set<AbortSignal>();
  const waiting: ((sequence: T) => void)[] = [];
  const busy = new Set<AbortSignal>();
  return {
    async take(signal: AbortSignal): Promise<T> {
      const now = free.pop();
      if (now) {
        busy.add(signal);
        return now;
      }
      // An aborted answer releases its slot within a token, so a wait for it is short.
      for (const each of busy) if (each.aborted) ending.add(each);
      if (ending.size <= waiting.length) throw new Failure('overloaded', `all ${all} slots are busy`);
      const sequence = await new Promise<T>((resolve) => waiting.push(resolve));
      busy.add(signal);
      return sequence;
    },
    give(sequence: T, signal: AbortSignal): void {
      busy.delete(signal);
      ending.delete(signal);
      const next = waiting.shift();
      if (next) next(sequence);
      else free.push(sequence);
    },
  };
}
