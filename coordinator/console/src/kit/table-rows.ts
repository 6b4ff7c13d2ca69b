// The shown rows of a table and their order: the rows that fit the search and the facets, sorted by a column.
import {
  type ColumnDef,
  createSortedRowModel,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useMemo } from 'react';
import { type Column, type Facet, matcher, sortKey } from './columns.ts';
import type { TableState } from './table-state.ts';

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

export function useFoundRows<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  facets: readonly Facet<T>[],
  state: TableState,
): readonly T[] {
  const chosen = facets.map((facet) => state.facet(facet.id));
  const chosenKey = chosen.join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the chosen words stand for the facets
  return useMemo(() => {
    const fits = matcher(state.text, columns);
    const wanted = facets.map((facet, i) => ({ facet, word: chosen[i] })).filter(({ word }) => word);
    if (!fits && wanted.length === 0) return rows;
    return rows.filter(
      (row) => wanted.every(({ facet, word }) => facet.value(row) === word) && (fits === null || fits(row)),
    );
  }, [rows, columns, state.text, chosenKey]);
}

export interface OrderedRow<T> {
  id: string;
  original: T;
}
/** Without a column to sort by the rows keep their order. */
export function useOrderedRows<T extends object>(
  found: readonly T[],
  columns: readonly Column<T>[],
  rowId: (row: T) => string,
  sorting: SortingState,
): readonly OrderedRow<T>[] {
  const defs = useMemo<ColumnDef<typeof features, T>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.title,
        accessorFn: (row) => sortKey(column.order ? column.order(row) : column.value(row)),
        sortFn: basic,
        sortUndefined: 'last',
        sortDescFirst: column.largestFirst ?? false,
      })),
    [columns],
  );
  const table = useTable({ features, columns: defs, data: found, getRowId: rowId, state: { sorting } });
  return table.getRowModel().rows;
}

/** Keys are numbers or padded text: the plain order is the right one. */
function basic(a: { getValue(id: string): unknown }, b: { getValue(id: string): unknown }, id: string): number {
  const left = a.getValue(id) as string;
  const right = b.getValue(id) as string;
  return left < right ? -1 : left > right ? 1 : 0;
}
