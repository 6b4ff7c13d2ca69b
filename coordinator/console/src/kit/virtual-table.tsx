// A table of any length: search, facets, order, columns, saved views, selection with actions, keyboard. Only the rows in view are in
// the page; their height is fixed, so that none is missing while it scrolls. Rows that did not change are not drawn again.
import { type ReactNode, useDeferredValue, useMemo } from 'react';
import type { TablePage } from './address.ts';
import type { Column, Facet } from './columns.ts';
import { Empty } from './states.tsx';
import { BulkBar, TableBar } from './table-bar.tsx';
import { Grid, useGrid } from './table-grid.tsx';
import { useFoundRows, useOrderedRows } from './table-rows.ts';
import { useSelection } from './table-selection.ts';
import { useTableState } from './table-state.ts';
import { useColumnWidths } from './table-widths.ts';
import { useIsPhone } from './use-phone.ts';
import { plural } from './words.ts';

const rowHeight = 40;
/** The height of a row with a second line below the first column. */
const phoneRowHeight = 60;

interface VirtualTableProps<T extends object> {
  /** The name under which its columns and views are kept in this browser. */
  id: string;
  /** Its page, whose address has the filter and the order. */
  page: TablePage;
  /** The name of the table for screen readers: `Nodes`. */
  label: string;
  rows: readonly T[];
  rowId(row: T): string;
  /** Declared outside of the component or memoised. */
  columns: readonly Column<T>[];
  facets?: readonly Facet<T>[];
  /** Called at Enter or a click on the row. */
  open?: (row: T) => void;
  /** The column that sorts the rows until a person chooses another; without it they keep their order. */
  first?: string;
  /** Shown when rows are selected; makes rows selectable. */
  bulk?: (selected: T[], clear: () => void) => ReactNode;
  /** Shown when there are no rows at all. */
  empty?: ReactNode;
  /** Shown below the first column on a phone, in place of the columns that do not fit. */
  note?: (row: T) => ReactNode;
  /** Without the bar above: a short table in a panel. */
  plain?: boolean;
}

export function VirtualTable<T extends object>(props: VirtualTableProps<T>) {
  const { id, page, label, rowId, columns, facets = [], open, bulk, empty, note, first, plain = false } = props;
  // A typed filter is applied before the rows of the next frame.
  const rows = useDeferredValue(props.rows);
  const state = useTableState(id, page);
  const isPhone = useIsPhone();
  const height = isPhone && note ? phoneRowHeight : rowHeight;
  const shown = useMemo(
    () =>
      columns.filter((column, i) => i === 0 || (isPhone ? column.phone : (state.columns[column.id] ?? !column.spare))),
    [columns, state.columns, isPhone],
  );
  const found = useFoundRows(rows, columns, facets, state);
  const sorting = state.sorting.length > 0 || !first ? state.sorting : [{ id: first, desc: false }];
  const ordered = useOrderedRows(found, columns, rowId, sorting);
  const selection = useSelection(rows, rowId);
  const widths = useColumnWidths(id, shown, isPhone, bulk !== undefined);
  const grid = useGrid(ordered, height);
  if (rows.length === 0) return <>{empty ?? <Empty title={`No ${label.toLowerCase()}`} />}</>;
  return (
    <div className="table-frame">
      {!plain && (
        <TableBar
          {...{ state, rows, columns, shown, facets }}
          searchLabel={`Search ${label.toLowerCase()}`}
          toRows={() => grid.cursor.moveTo(0)}
        />
      )}
      {bulk && selection.selected.length > 0 && (
        <BulkBar count={selection.selected.length} clear={selection.clear}>
          {bulk(selection.selected, selection.clear)}
        </BulkBar>
      )}
      <Grid
        {...{ label, grid, widths, state, found, ordered, rowId, open }}
        columns={shown}
        selection={bulk ? selection : null}
        note={isPhone ? note : undefined}
      />
      <p className="dim small table-foot" aria-live="polite">
        {ordered.length === rows.length
          ? plural(rows.length, 'row')
          : `${ordered.length.toLocaleString('en')} of ${plural(rows.length, 'row')}`}
      </p>
    </div>
  );
}
