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
import { ArrowDown, ArrowUp } from 'lucide-react';
import {
  type KeyboardEvent,
  memo,
  type ReactNode,
  useCallback,
  useDeferredValue,
  useMemo,
  useRef,
  useState,
} from 'react';
import { type Column, type Facet, matcher, sortKey } from './columns.ts';
import { Empty } from './states.tsx';
import { BulkBar, TableBar } from './table-bar.tsx';
import { useTableState } from './table-state.ts';
import { useIsPhone } from './use-phone.ts';

const rowHeight = 40;
const overscan = 14;
const features = tableFeatures({ rowSortingFeature, rowSelectionFeature, sortedRowModel: createSortedRowModel() });

export interface VirtualTableProps<T extends object> {
  /** Names what is kept of it in this browser. */
  id: string;
  /** What it is a table of, for people who hear it: `Nodes`. */
  label: string;
  rows: readonly T[];
  rowId(row: T): string;
  /** Declared outside of the component or memoised. */
  columns: readonly Column<T>[];
  facets?: readonly Facet<T>[];
  /** Enter or a click on the row. */
  open?: (row: T) => void;
  /** Shown when rows are selected; makes rows selectable. */
  bulk?: (selected: T[], clear: () => void) => ReactNode;
  /** When there are no rows at all. */
  empty?: ReactNode;
  /** Without the bar above: a short table in a panel. */
  plain?: boolean;
}

export function VirtualTable<T extends object>(props: VirtualTableProps<T>) {
  const { id, label, rowId, columns, facets = [], open, bulk, empty, plain = false } = props;
  // What was typed is shown before what came over the line.
  const rows = useDeferredValue(props.rows);
  const state = useTableState(id);
  const phone = useIsPhone();
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
    state: { sorting: state.sorting, rowSelection: selected },
    onSortingChange: (next) => state.setSorting(typeof next === 'function' ? next(state.sorting) : next),
    onRowSelectionChange: (next) => setSelected((was) => (typeof next === 'function' ? next(was) : next)),
  });
  const ordered = table.getRowModel().rows as unknown as { id: string; original: T }[];

  const virtual = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => ordered[index]?.id ?? index,
    overscan,
  });
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
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 400) / rowHeight) - 2);
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
    ...shown.map(({ width = 110, grow = 1 }) => (grow > 0 ? `minmax(${width}px, ${grow}fr)` : `${width}px`)),
  ].join(' ');
  const width = shown.reduce((sum, column) => sum + (column.width ?? 110), bulk ? 40 : 0);
  const all = picked.length > 0 && found.every((row) => selected[rowId(row)]);
  return (
    <div className="table-frame">
      {!plain && (
        <TableBar {...{ state, rows, columns, shown, facets }} searchLabel={`Search ${label.toLowerCase()}`} />
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
            <HeadCell key={column.id} column={column} sorting={state.sorting} setSorting={state.setSorting} />
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
          ? `${rows.length.toLocaleString('en')} rows`
          : `${ordered.length.toLocaleString('en')} of ${rows.length.toLocaleString('en')} rows`}
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

function HeadCell<T>({
  column,
  sorting,
  setSorting,
}: {
  column: Column<T>;
  sorting: { id: string; desc: boolean }[];
  setSorting(now: { id: string; desc: boolean }[]): void;
}) {
  const now = sorting.find(({ id }) => id === column.id);
  const first = column.largestFirst ?? false;
  const press = () =>
    setSorting(!now ? [{ id: column.id, desc: first }] : now.desc === first ? [{ id: column.id, desc: !first }] : []);
  return (
    <span
      role="columnheader"
      className={`cell ${column.align ?? ''}`}
      aria-sort={now ? (now.desc ? 'descending' : 'ascending') : 'none'}
    >
      <button type="button" className="head-button" onClick={press}>
        <span className="cut">{column.title}</span>
        {now && (now.desc ? <ArrowDown aria-hidden="true" /> : <ArrowUp aria-hidden="true" />)}
      </button>
    </span>
  );
}

interface RowProps<T> {
  row: T;
  id: string;
  index: number;
  top: number;
  template: string;
  columns: readonly Column<T>[];
  current: boolean;
  selected: boolean | null;
  open: ((row: T) => void) | undefined;
  pick(id: string, on: boolean): void;
  focused(index: number): void;
}
function PlainRow<T>({ row, id, index, top, template, columns, current, selected, open, pick, focused }: RowProps<T>) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid around it takes the keys
    <div
      role="row"
      className={`table-row ${open ? 'opens' : ''}`}
      aria-rowindex={index + 2}
      aria-selected={selected ?? undefined}
      tabIndex={current ? 0 : -1}
      style={{ gridTemplateColumns: template, transform: `translateY(${top}px)` }}
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
            onChange={(event) => pick(id, event.target.checked)}
          />
        </span>
      )}
      {columns.map((column) => (
        <span key={column.id} role="gridcell" className={`cell ${column.align ?? ''}`}>
          {column.cell ? column.cell(row) : (column.value(row) ?? <span className="dim">–</span>)}
        </span>
      ))}
    </div>
  );
}
const Row = memo(PlainRow) as typeof PlainRow;
