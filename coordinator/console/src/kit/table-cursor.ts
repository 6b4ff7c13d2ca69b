// The current row of a table: the one that keys act on, and the one stop for Tab. Arrows, pages, Home and End move it.
import { type RefObject, useState } from 'react';

export function useRowCursor(
  count: number,
  rowHeight: number,
  scroller: RefObject<HTMLElement | null>,
  scrollTo: (index: number) => void,
) {
  const [at, setAt] = useState(0);
  const last = count - 1;
  const current = Math.min(at, Math.max(0, last));
  const moveTo = (index: number) => {
    const next = Math.min(last, Math.max(0, index));
    setAt(next);
    scrollTo(next);
    // The row may only just be drawn.
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[aria-rowindex="${next + 2}"]`)?.focus({ preventScroll: true }),
    );
  };
  return {
    current,
    setAt,
    moveTo,
    /** False for a key that moves nothing. */
    moveBy: (key: string): boolean => {
      const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / rowHeight) - 2);
      const steps: Record<string, number> = {
        ArrowDown: current + 1,
        ArrowUp: current - 1,
        PageDown: current + page,
        PageUp: current - page,
        Home: 0,
        End: last,
      };
      const to = steps[key];
      if (to === undefined) return false;
      moveTo(to);
      return true;
    },
  };
}
