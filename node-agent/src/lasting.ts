// Whether something that comes and goes is worth a word: it is told when it begins, when it grows worse, and when it has been away for
// long enough. In: what is so at each look. Out: what to tell. It keeps no clock of its own.

/** 0: all is well; more is worse. */
export type Level = 0 | 1 | 2;

export interface Lasting {
  /** The level that is to be told now; null: nothing is new. */
  look(level: Level, nowMs: number): Level | null;
}

/** `beginsAfterMs`: so long it must last before it is told. `overAfterMs`: so long it must be away before its end is. */
export function createLasting(after: { beginsAfterMs: number; overAfterMs: number }): Lasting {
  let told: Level = 0;
  /** What is about to be told, and since when it is so. */
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
