// A table of any length: search, facets, order, columns, saved views, selection with actions, keyboard. Only the rows in view are in
// the page; their height is fixed, so that none is missing while it scrolls. Rows that did not change are not drawn again.
import {
  createSortedRowModel,
  type RowSelectionState,
  rowSelectionFeature,
  rowSortingFeature,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  type KeyboardEvent,
  type ReactNode,
  useCallback,
  useDeferredValue,
  useEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import type { TablePage } from './address.ts';
import { type Column, type Facet, matcher, sortKey } from './columns.ts';
import { Empty } from './states.tsx';
import { BulkBar, TableBar } from './table-bar.tsx';
import { HeadCell } from './table-head.tsx';
import { Row } from './table-row.tsx';
import { useKept, useTableState } from './table-state.ts';
import { useIsPhone } from './use-phone.ts';
import { plural } from './words.ts';

const rowHeight = 40;
/** With a second line below the first column. */
const phoneRowHeight = 60;
const narrowest = 55;
const overscan = 14;
const features = tableFeatures({ rowSortingFeature, rowSelectionFeature, sortedRowModel: createSortedRowModel() });

interface VirtualTableProps<T extends object> {
  /** Names what is kept of it in this browser. */
  id: string;
  /** The page it is on: its address keeps the filter and the order. */
  page: TablePage;
  /** What it is a table of, for people who hear it: `Nodes`. */
  label: string;
  rows: readonly T[];
  rowId(row: T): string;
  /** Declared outside of the component or memoised. */
  columns: readonly Column<T>[];
  facets?: readonly Facet<T>[];
  /** Enter or a click on the row. */
  open?: (row: T) => void;
  /** The column that orders the rows until a person chooses another; without it they stand as they come. */
  first?: string;
  /** Shown when rows are selected; makes rows selectable. */
  bulk?: (selected: T[], clear: () => void) => ReactNode;
  /** When there are no rows at all. */
  empty?: ReactNode;
  /** On a phone, below the first column: what the columns that do not fit would say. */
  note?: (row: T) => ReactNode;
  /** Without the bar above: a short table in a panel. */
  plain?: boolean;
}

export function VirtualTable<T extends object>(props: VirtualTableProps<T>) {
  const { id, label, rowId, columns, facets = [], open, bulk, empty, note, first, plain = false } = props;
  // What was typed is shown before what came over the line.
  const rows = useDeferredValue(props.rows);
  const state = useTableState(id, props.page);
  const phone = useIsPhone();
  const height = phone && note ? phoneRowHeight : rowHeight;
  const [widths, setWidths] = useKept<Record<string, number>>(`widths:${id}`, {});
  const [selected, setSelected] = useState<RowSelectionState>({});
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(0);

  const shown = useMemo(
    () =>
      columns.filter((column, i) => i === 0 || (phone ? column.phone : (state.columns[column.id] ?? !column.spare))),
    [columns, state.columns, phone],
  );
  const chosen = facets.map((facet) => state.facet(facet.id));
  const chosenKey = chosen.join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the chosen words stand for the facets
  const found = useMemo(() => {
    const fits = matcher(state.text, columns);
    const wanted = facets.map((facet, i) => ({ facet, word: chosen[i] })).filter(({ word }) => word);
    if (!fits && wanted.length === 0) return rows as T[];
    return rows.filter(
      (row) => wanted.every(({ facet, word }) => facet.value(row) === word) && (fits === null || fits(row)),
    );
  }, [rows, columns, state.text, chosenKey]);

  const defs = useMemo(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.title,
        accessorFn: (row: T) => sortKey(column.order ? column.order(row) : column.value(row)),
        sortFn: basic,
        sortUndefined: 'last' as const,
        sortDescFirst: column.largestFirst ?? false,
      })),
    [columns],
  );
  const table = useTable({
    features,
    columns: defs as never,
    data: found,
    getRowId: rowId as never,
    state: {
      sorting: state.sorting.length > 0 || !first ? state.sorting : [{ id: first, desc: false }],
      rowSelection: selected,
    },
    onSortingChange: (next) => state.setSorting(typeof next === 'function' ? next(state.sorting) : next),
    onRowSelectionChange: (next) => setSelected((was) => (typeof next === 'function' ? next(was) : next)),
  });
  const ordered = table.getRowModel().rows as unknown as { id: string; original: T }[];

  const virtual = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (index) => ordered[index]?.id ?? index,
    overscan,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows of another height are laid out anew
  useEffect(() => virtual.measure(), [height]);
  const picked = useMemo(() => (bulk ? rows.filter((row) => selected[rowId(row)]) : []), [bulk, rows, selected, rowId]);
  const clear = useCallback(() => setSelected({}), []);
  const pick = useCallback(
    (key: string, on: boolean) => setSelected(({ [key]: _, ...was }) => (on ? { ...was, [key]: true } : was)),
    [],
  );

  const last = ordered.length - 1;
  const current = Math.min(at, Math.max(0, last));
  const moveTo = (index: number) => {
    const next = Math.min(last, Math.max(0, index));
    setAt(next);
    virtual.scrollToIndex(next);
    // The row may only just be drawn.
    requestAnimationFrame(() =>
      scroller.current?.querySelector<HTMLElement>(`[aria-rowindex="${next + 2}"]`)?.focus({ preventScroll: true }),
    );
  };
  const onKey = (event: KeyboardEvent<HTMLDivElement>) => {
    if ((event.target as HTMLElement).getAttribute('role') !== 'row') return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / height) - 2);
    const steps: Record<string, number> = {
      ArrowDown: current + 1,
      ArrowUp: current - 1,
      PageDown: current + page,
      PageUp: current - page,
      Home: 0,
      End: last,
    };
    const row = ordered[current];
    if (event.key in steps) moveTo(steps[event.key] as number);
    else if (event.key === 'Enter' && row && open) open(row.original);
    else if (event.key === ' ' && row && bulk) pick(row.id, !selected[row.id]);
    else if (event.key === 'Escape') clear();
    else return;
    event.preventDefault();
  };

  if (rows.length === 0) return <>{empty ?? <Empty title={`No ${label.toLowerCase()}`} />}</>;
  const template = [
    ...(bulk ? ['40px'] : []),
    ...shown.map(({ id: of, width = 110, grow = 1 }) => {
      const set = phone ? undefined : widths[of];
      return set !== undefined ? `${set}px` : grow > 0 ? `minmax(${width}px, ${grow}fr)` : `${width}px`;
    }),
  ].join(' ');
  const widthOf = (column: Column<T>) => (phone ? undefined : widths[column.id]) ?? column.width ?? 110;
  const width = shown.reduce((sum, column) => sum + widthOf(column), bulk ? 40 : 0);
  const all = picked.length > 0 && found.every((row) => selected[rowId(row)]);
  return (
    <div className="table-frame">
      {!plain && (
        // biome-ignore lint/a11y/noStaticElementInteractions: from the search the arrow leads into the rows
        <div
          onKeyDown={(event) => {
            if (event.key !== 'ArrowDown' || !(event.target as HTMLElement).matches('[data-search]')) return;
            event.preventDefault();
            moveTo(0);
          }}
        >
          <TableBar {...{ state, rows, columns, shown, facets }} searchLabel={`Search ${label.toLowerCase()}`} />
        </div>
      )}
      {bulk && picked.length > 0 && (
        <BulkBar count={picked.length} clear={clear}>
          {bulk(picked, clear)}
        </BulkBar>
      )}
      <div
        ref={scroller}
        className="table-scroll"
        role="grid"
        aria-label={label}
        aria-rowcount={ordered.length + 1}
        aria-colcount={shown.length + (bulk ? 1 : 0)}
        aria-multiselectable={bulk ? true : undefined}
        onKeyDown={onKey}
        tabIndex={-1}
      >
        <div
          className="table-head"
          role="row"
          aria-rowindex={1}
          style={{ gridTemplateColumns: template, minWidth: width }}
        >
          {bulk && (
            <span role="columnheader" className="cell">
              <input
                type="checkbox"
                aria-label={`Select all ${found.length} rows`}
                checked={all}
                onChange={() => setSelected(all ? {} : Object.fromEntries(found.map((row) => [rowId(row), true])))}
              />
            </span>
          )}
          {shown.map((column) => (
            <HeadCell
              key={column.id}
              column={column}
              sorting={state.sorting}
              setSorting={state.setSorting}
              resize={(to) => {
                const { [column.id]: _, ...rest } = widths;
                setWidths(to === null ? rest : { ...rest, [column.id]: Math.max(narrowest, Math.round(to)) });
              }}
            />
          ))}
        </div>
        <div role="rowgroup" className="table-body" style={{ height: virtual.getTotalSize(), minWidth: width }}>
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
                template={template}
                height={height}
                note={phone ? note : undefined}
                columns={shown}
                current={item.index === current}
                selected={bulk ? Boolean(selected[row.id]) : null}
                open={open}
                pick={pick}
                focused={setAt}
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
      <p className="dim small table-foot" aria-live="polite">
        {ordered.length === rows.length
          ? plural(rows.length, 'row')
          : `${ordered.length.toLocaleString('en')} of ${plural(rows.length, 'row')}`}
      </p>
    </div>
  );
}

/** Keys are numbers or padded text: the plain order is the right one. */
function basic(a: { getValue(id: string): unknown }, b: { getValue(id: string): unknown }, id: string): number {
  const left = a.getValue(id) as string;
  const right = b.getValue(id) as string;
  return left < right ? -1 : left > right ? 1 : 0;
}
