// What a component keeps in the page's address, as plain text: a filter, a tab, an order.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';

/**
 * A state that lives in the address: survives reload, can be sent to somebody. Empty means the default. It changes at once here; the
 * address follows, and going back changes it from there.
 */
export function useAddress(key: string, fallback = ''): [string, (value: string) => void] {
  const search = useSearch({ strict: false }) as Record<string, string | undefined>;
  const navigate = useNavigate();
  const there = search[key] ?? fallback;
  const [here, setHere] = useState(there);
  /** On its way to the address: until it is there, what the address says is old. */
  const going = useRef<string | null>(null);
  useEffect(() => {
    if (going.current === null) setHere(there);
    else if (going.current === there) going.current = null;
  }, [there]);
  const set = useCallback(
    (value: string) => {
      going.current = value;
      setHere(value);
      const change = (was: Record<string, unknown>) => ({ ...was, [key]: value === fallback ? undefined : value });
      void navigate({ to: '.', search: change as never, replace: true, resetScroll: false });
    },
    [navigate, key, fallback],
  );
  return [here, set];
}
