// The head of a VirtualTable. The head of a column, when pressed, sorts the rows; its edge is dragged for another width.
import { ArrowDown, ArrowUp } from 'lucide-react';
import { useRef } from 'react';
import type { Column } from './columns.ts';
import type { Selection } from './table-selection.ts';
import type { TableState } from './table-state.ts';
import type { ColumnWidths } from './table-widths.ts';

interface HeadProps<T> {
  columns: readonly Column<T>[];
  widths: ColumnWidths;
  state: TableState;
  /** The rows that fit the filter: the box selects all of them. */
  found: readonly T[];
  rowId(row: T): string;
  /** Null: rows cannot be selected. */
  selection: Selection<T> | null;
}
export function HeadRow<T>({ columns, widths, state, found, rowId, selection }: HeadProps<T>) {
  return (
    <div
      className="table-head"
      role="row"
      aria-rowindex={1}
      style={{ gridTemplateColumns: widths.template, minWidth: widths.least }}
    >
      {selection && <SelectAll found={found} rowId={rowId} selection={selection} />}
      {columns.map((column) => (
        <HeadCell
          key={column.id}
          column={column}
          sorting={state.sorting}
          setSorting={state.setSorting}
          resize={(to) => widths.resize(column.id, to)}
        />
      ))}
    </div>
  );
}

function SelectAll<T>({
  found,
  rowId,
  selection,
}: {
  found: readonly T[];
  rowId(row: T): string;
  selection: Selection<T>;
}) {
  const all = selection.selected.length > 0 && found.every((row) => selection.has(rowId(row)));
  return (
    <span role="columnheader" className="cell">
      <input
        type="checkbox"
        aria-label={`Select all ${found.length} rows`}
        checked={all}
        onChange={() => (all ? selection.clear() : selection.only(found))}
      />
    </span>
  );
}

function HeadCell<T>({
  column,
  sorting,
  setSorting,
  resize,
}: {
  column: Column<T>;
  sorting: { id: string; desc: boolean }[];
  setSorting(now: { id: string; desc: boolean }[]): void;
  /** In pixels; null: as it was. */
  resize(to: number | null): void;
}) {
  const cell = useRef<HTMLSpanElement>(null);
  const now = sorting.find(({ id }) => id === column.id);
  const first = column.largestFirst ?? false;
  const press = () =>
    setSorting(!now ? [{ id: column.id, desc: first }] : now.desc === first ? [{ id: column.id, desc: !first }] : []);
  return (
    <span
      ref={cell}
      role="columnheader"
      className={`cell ${column.align ?? ''}`}
      aria-sort={now ? (now.desc ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" className="head-button" onClick={press}>
        <span className="cut">{column.title}</span>
        {now && (now.desc ? <ArrowDown aria-hidden="true" /> : <ArrowUp aria-hidden="true" />)}
      </button>
      <span
        className="head-grip only-wide"
        aria-hidden="true"
        title="Drag to resize; double-click for its own width"
        onDoubleClick={() => resize(null)}
        onPointerDown={(event) => {
          event.preventDefault();
          event.currentTarget.setPointerCapture(event.pointerId);
        }}
        onPointerMove={(event) => {
          if (!event.currentTarget.hasPointerCapture(event.pointerId) || !cell.current) return;
          resize(event.clientX - cell.current.getBoundingClientRect().left);
        }}
      />
    </span>
  );
}
