// One row of a VirtualTable: its cells, a box to select it, and one stop for Tab at a time.
import { memo, type ReactNode, useLayoutEffect, useRef } from 'react';
import type { Column } from './columns.ts';

interface RowProps<T> {
  row: T;
  id: string;
  index: number;
  top: number;
  template: string;
  height: number;
  columns: readonly Column<T>[];
  note: ((row: T) => ReactNode) | undefined;
  current: boolean;
  selected: boolean | null;
  open: ((row: T) => void) | undefined;
  pick: ((id: string, on: boolean) => void) | undefined;
  focused(index: number): void;
}
function PlainRow<T>(props: RowProps<T>) {
  const { row, id, index, top, template, height, columns, note, current, selected, open, pick, focused } = props;
  const element = useRef<HTMLDivElement>(null);
  // One stop for Tab in the whole table: the links of the other rows are reached by going to their row.
  useLayoutEffect(() => {
    for (const each of element.current?.querySelectorAll<HTMLElement>('a, button') ?? [])
      each.tabIndex = current ? 0 : -1;
  });
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
    <div
      ref={element}
      role="row"
      className={`table-row ${open ? 'opens' : ''}`}
      aria-rowindex={index + 2}
      aria-selected={selected ?? undefined}
      tabIndex={current ? 0 : -1}
      style={{ gridTemplateColumns: template, height, transform: `translateY(${top}px)` }}
      onFocus={() => focused(index)}
      onClick={(event) => {
        if (!open || (event.target as HTMLElement).closest('a, button, input, label')) return;
        if (getSelection()?.isCollapsed !== false) open(row);
      }}
    >
      {selected !== null && (
        <span role="gridcell" className="cell">
          <input
            type="checkbox"
            aria-label={`Select ${id}`}
            tabIndex={current ? 0 : -1}
            checked={selected}
            onChange={(event) => pick?.(id, event.target.checked)}
          />
        </span>
      )}
      {columns.map((column, i) => {
        const shown = column.cell ? column.cell(row) : <Plain value={column.value(row)} />;
        return (
          <span
            key={column.id}
            role="gridcell"
            className={`cell ${column.align ?? ''} ${i === 0 && note ? 'noted' : ''}`}
          >
            {i === 0 && note ? (
              <>
                <span className="cell-first">{shown}</span>
                <span className="dim small cut">{note(row)}</span>
              </>
            ) : (
              shown
            )}
          </span>
        );
      })}
    </div>
  );
}
function Plain({ value }: { value: string | number | null }) {
  if (value === null) return <span className="dim">–</span>;
  return (
    <span className="cut" title={String(value)}>
      {value}
    </span>
  );
}
export const Row = memo(PlainRow) as typeof PlainRow;
