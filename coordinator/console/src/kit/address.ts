// State of a component in the page's address, as plain text: a filter, a tab, an order.
import { type RegisteredRouter, type RouteById, type RouteIds, useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';

type Page = RouteIds<RegisteredRouter['routeTree']>;
export type SearchOf<At extends Page> = RouteById<RegisteredRouter['routeTree'], At>['types']['fullSearchSchema'];
/** A page with a table: its address has the search and the order of the rows. */
export type TablePage = { [At in Page]: 'sort' extends keyof SearchOf<At> ? At : never }[Page];
type KeysOf<Each> = Each extends unknown ? keyof Each : never;
/** A parameter in the address of a page with a table. */
export type TableParam = KeysOf<SearchOf<TablePage>>;
type ValueOf<At extends Page, Key extends keyof SearchOf<At>> = NonNullable<SearchOf<At>[Key]>;

/**
 * A state that lives in the address of `page`: survives reload, can be sent to somebody. It changes at once here; the address follows,
 * and going back changes it from there. `fallback` holds where the address names none.
 */
export function useAddress<
  At extends Page,
  Key extends keyof SearchOf<At> & string,
  Fallback extends ValueOf<At, Key> | '' = '',
>(
  page: At,
  key: Key,
  fallback = '' as Fallback,
): [ValueOf<At, Key> | Fallback, (value: ValueOf<At, Key> | Fallback) => void] {
  type Value = ValueOf<At, Key> | Fallback;
  // The router tells the types of a page that is named in the source; for one that is a parameter the signature above tells them.
  const search = useSearch({ from: page as Page }) as SearchOf<At>;
  const navigate = useNavigate();
  const there = (search[key] ?? fallback) as Value;
  const [here, setHere] = useState(there);
  /** The value until the address has it; the address is behind meanwhile. */
  const going = useRef<Value | null>(null);
  useEffect(() => {
    if (going.current === null) setHere(() => there);
    else if (going.current === there) going.current = null;
  }, [there]);
  const set = useCallback(
    (value: Value) => {
      going.current = value;
      setHere(() => value);
      void navigate({
        to: '.',
        search: (was) => ({ ...was, [key]: value === fallback ? undefined : value }),
        replace: true,
        resetScroll: false,
      });
    },
    [navigate, key, fallback],
  );
  return [here, set];
}
