// The rows of a table that a person has selected, by their ids: they stay selected while a filter hides them.
import { useCallback, useMemo, useState } from 'react';

const none: Readonly<Record<string, true>> = {};

export function useSelection<T>(rows: readonly T[], rowId: (row: T) => string) {
  const [ids, setIds] = useState(none);
  const selected = useMemo(() => (ids === none ? [] : rows.filter((row) => ids[rowId(row)])), [ids, rows, rowId]);
  return {
    selected,
    has: (id: string) => ids[id] === true,
    select: useCallback(
      (id: string, on: boolean) => setIds(({ [id]: _, ...was }) => (on ? { ...was, [id]: true } : was)),
      [],
    ),
    only: (now: readonly T[]) => setIds(Object.fromEntries(now.map((row) => [rowId(row), true]))),
    clear: useCallback(() => setIds(none), []),
  };
}
export type Selection<T> = ReturnType<typeof useSelection<T>>;
