// Whether the page is as narrow as a phone: the same measure as in the style sheets.
import { useSyncExternalStore } from 'react';

const narrow = matchMedia('(max-width: 760px)');
function watch(changed: () => void) {
  narrow.addEventListener('change', changed);
  return () => narrow.removeEventListener('change', changed);
}
export const useIsPhone = (): boolean => useSyncExternalStore(watch, () => narrow.matches);
