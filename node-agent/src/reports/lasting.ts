// When to report a trouble that comes and goes: when it begins, when it grows worse, and when it has been away for long enough. In: its
// level at each look. Out: the level to report. It has no clock of its own.

/** 0: no trouble; a higher level is worse. */
export type Level = 0 | 1 | 2;

export interface Lasting {
  /** The level to report now; null: nothing new. */
  look(level: Level, nowMs: number): Level | null;
}

/** `beginsAfterMs`: how long a trouble must last before it is reported; `overAfterMs`: how long it must be away before its end is. */
export function createLasting(after: { beginsAfterMs: number; overAfterMs: number }): Lasting {
  let told: Level = 0;
  /** The change that is reported next, and since when it holds. */
  let next: { isOver: boolean; sinceMs: number } | null = null;
  return {
    look(level, nowMs) {
      const isOver = level === 0 && told > 0;
      if (!isOver && level <= told) {
        next = null;
        return null;
      }
      if (next?.isOver !== isOver) next = { isOver, sinceMs: nowMs };
      if (nowMs - next.sinceMs < (isOver ? after.overAfterMs : after.beginsAfterMs)) return null;
      told = level;
      next = null;
      return level;
    },
  };
}
