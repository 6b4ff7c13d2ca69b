// The grid of a VirtualTable: its head and the rows in view. Keys move the current row, open it and select it.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useRef } from 'react';
import type { Column } from './columns.ts';
import { useRowCursor } from './table-cursor.ts';
import { HeadRow } from './table-head.tsx';
import { Row } from './table-row.tsx';
import type { OrderedRow } from './table-rows.ts';
import type { Selection } from './table-selection.ts';
import type { TableState } from './table-state.ts';
import type { ColumnWidths } from './table-widths.ts';

const overscan = 14;

/** The rows in view, and the current row. */
export function useGrid<T>(ordered: readonly OrderedRow<T>[], rowHeight: number) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => ordered[index]?.id ?? index,
    overscan,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are laid out anew
  useEffect(() => virtual.measure(), [rowHeight]);
  const cursor = useRowCursor(ordered.length, rowHeight, scroller, (index) => virtual.scrollToIndex(index));
  return { scroller, virtual, cursor, rowHeight };
}

interface GridProps<T> {
  label: string;
  grid: ReturnType<typeof useGrid<T>>;
  columns: readonly Column<T>[];
  widths: ColumnWidths;
  state: TableState;
  found: readonly T[];
  ordered: readonly OrderedRow<T>[];
  rowId(row: T): string;
  /** Null: rows cannot be selected. */
  selection: Selection<T> | null;
  open: ((row: T) => void) | undefined;
  note: ((row: T) => ReactNode) | undefined;
}
export function Grid<T>({ label, grid, ordered, selection, open, note, ...head }: GridProps<T>) {
  const { scroller, virtual, cursor, rowHeight } = grid;
  const { columns, widths } = head;
  const onKey = (event: KeyboardEvent<HTMLDivElement>) => {
    if ((event.target as HTMLElement).getAttribute('role') !== 'row') return;
    const row = ordered[cursor.current];
    if (event.key === 'Enter' && row && open) open(row.original);
    else if (event.key === ' ' && row && selection) selection.select(row.id, !selection.has(row.id));
    else if (event.key === 'Escape') selection?.clear();
    else if (!cursor.moveBy(event.key)) return;
    event.preventDefault();
  };
  return (
    <div
      ref={scroller}
      className="table-scroll"
      role="grid"
      aria-label={label}
      aria-rowcount={ordered.length + 1}
      aria-colcount={columns.length + (selection ? 1 : 0)}
      aria-multiselectable={selection ? true : undefined}
      onKeyDown={onKey}
      tabIndex={-1}
    >
      <HeadRow {...head} selection={selection} />
      <div role="rowgroup" className="table-body" style={{ height: virtual.getTotalSize(), minWidth: widths.least }}>
        {virtual.getVirtualItems().map((item) => {
          const row = ordered[item.index];
          if (!row) return null;
          return (
            <Row
              key={row.id}
              row={row.original}
              id={row.id}
              index={item.index}
              top={item.start}
              template={widths.template}
              height={rowHeight}
              note={note}
              columns={columns}
              current={item.index === cursor.current}
              selected={selection ? selection.has(row.id) : null}
              open={open}
              pick={selection?.select}
              focused={cursor.setAt}
            />
          );
        })}
      </div>
      {ordered.length === 0 && (
        <div role="row">
          <div role="gridcell" className="dim table-none">
            No row fits the filter.
          </div>
        </div>
      )}
    </div>
  );
}
