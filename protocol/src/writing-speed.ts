// How fast a model wrote, for the console and the terminal. Pure, imports types only: a browser loads it too.
import type { TaskUsage } from './task.ts';

/** Tokens a second while the model wrote; null where the answer is too short to measure. */
export function writingSpeed({ completionTokens, decodeMs, firstTokenMs, totalMs }: TaskUsage): number | null {
  if (completionTokens <= 3) return null;
  if (decodeMs) return (completionTokens / decodeMs) * 1000;
  const writingMs = totalMs - firstTokenMs;
  return writingMs > 0 ? ((completionTokens - 1) / writingMs) * 1000 : null;
}
