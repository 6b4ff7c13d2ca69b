// The widths of the columns of a table: their own, or those to which a person dragged them, which are kept in this browser.
import type { Column } from './columns.ts';
import { useKept } from './table-state.ts';

const narrowest = 55;
const usual = 110;
const boxWidth = 40;

/** On a phone columns have their own widths: nothing is dragged there. */
export function useColumnWidths<T>(id: string, shown: readonly Column<T>[], isPhone: boolean, selectable: boolean) {
  const [dragged, setDragged] = useKept<Record<string, number>>(`widths:${id}`, {});
  const set = isPhone ? {} : dragged;
  const tracks = shown.map(({ id: of, width = usual, grow = 1 }) => {
    const wide = set[of];
    return wide !== undefined ? `${wide}px` : grow > 0 ? `minmax(${width}px, ${grow}fr)` : `${width}px`;
  });
  const least = shown.reduce((sum, { id: of, width = usual }) => sum + (set[of] ?? width), selectable ? boxWidth : 0);
  return {
    /** The columns of the grid, in CSS. */
    template: [...(selectable ? [`${boxWidth}px`] : []), ...tracks].join(' '),
    /** The table scrolls sideways where there is less room. */
    least,
    resize: (of: string, to: number | null) => {
      const { [of]: _, ...rest } = dragged;
      setDragged(to === null ? rest : { ...rest, [of]: Math.max(narrowest, Math.round(to)) });
    },
  };
}
export type ColumnWidths = ReturnType<typeof useColumnWidths>;
