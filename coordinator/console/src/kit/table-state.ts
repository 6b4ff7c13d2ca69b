// What a person has chosen of a table: the filter, facets and order stand in the page's address; the columns and the saved views
// (an address with a name) are kept in this browser.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useAddress } from './address.ts';

export interface SavedView {
  name: string;
  search: Record<string, string>;
}

function kept<T>(key: string, fallback: T): T {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}
/** A value kept in this browser under a name. */
export function useKept<T>(key: string, fallback: T): [T, (value: T) => void] {
  const [value, set] = useState<T>(() => kept(key, fallback));
  return [
    value,
    (now) => {
      localStorage.setItem(key, JSON.stringify(now));
      set(now);
    },
  ];
}

export function useTableState(id: string) {
  const search = useSearch({ strict: false }) as Record<string, string>;
  const navigate = useNavigate();
  const [text, setText] = useAddress('q');
  const [order, setOrder] = useAddress('sort');
  const [views, setViews] = useKept<SavedView[]>(`views:${id}`, []);
  const [columns, setColumns] = useKept<Record<string, boolean>>(`columns:${id}`, {});
  const go = (next: Record<string, string>) =>
    void navigate({ to: '.', search: next as never, replace: true, resetScroll: false });
  return {
    text,
    setText,
    sorting: order ? [{ id: order.replace(/^-/, ''), desc: order.startsWith('-') }] : [],
    setSorting: (now: { id: string; desc: boolean }[]) => setOrder(now[0] ? (now[0].desc ? '-' : '') + now[0].id : ''),
    facet: (name: string) => search[name] ?? '',
    setFacet: (name: string, value: string) => go({ ...search, [name]: value }),
    clear: () => go({}),
    filtered: Object.keys(search).length > 0,
    columns,
    setColumns,
    views,
    open: ({ search: saved }: SavedView) => go(saved),
    save: (name: string) => setViews([...views.filter((view) => view.name !== name), { name, search }]),
    forget: (name: string) => setViews(views.filter((view) => view.name !== name)),
  };
}
export type TableState = ReturnType<typeof useTableState>;
