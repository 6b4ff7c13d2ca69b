// A person's choices for a table: the filter, facets and order are in the page's address; the columns and the saved views (an address with
// a name) are kept in this browser.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { type TablePage, type TableParam, useAddress } from './address.ts';

type Given = { [Name in TableParam]?: string | undefined };

export interface SavedView {
  name: string;
  search: Given;
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

/** `page` is the one whose address keeps the filter and the order. */
export function useTableState(id: string, page: TablePage) {
  const search: Given = useSearch({ from: page });
  const navigate = useNavigate();
  const [text, setText] = useAddress(page, 'q');
  const [order, setOrder] = useAddress(page, 'sort');
  const [views, setViews] = useKept<SavedView[]>(`views:${id}`, []);
  const [columns, setColumns] = useKept<Record<string, boolean>>(`columns:${id}`, {});
  /** As an address that a person opens: the page reads it anew. */
  const go = (next: Given) => {
    const given = Object.entries(next).filter(([, value]) => value);
    void navigate({ href: `${location.pathname}?${new URLSearchParams(given)}`, replace: true, resetScroll: false });
  };
  return {
    text,
    setText,
    sorting: order ? [{ id: order.replace(/^-/, ''), desc: order.startsWith('-') }] : [],
    setSorting: (now: { id: string; desc: boolean }[]) => setOrder(now[0] ? (now[0].desc ? '-' : '') + now[0].id : ''),
    facet: (name: TableParam) => search[name] ?? '',
    setFacet: (name: TableParam, value: string) => go({ ...search, [name]: value }),
    clear: () => go({}),
    filtered: Object.values(search).some(Boolean),
    columns,
    setColumns,
    views,
    open: ({ search: saved }: SavedView) => go(saved),
    save: (name: string) => setViews([...views.filter((view) => view.name !== name), { name, search }]),
    forget: (name: string) => setViews(views.filter((view) => view.name !== name)),
  };
}
export type TableState = ReturnType<typeof useTableState>;
