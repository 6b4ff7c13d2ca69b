// Keeps the end of a list in view while text arrives, unless the person has scrolled up.
import { useEffect, useLayoutEffect, useRef } from 'react';

/** Within this distance of the end, the list follows new text. */
const atEndPixels = 90;

/** `size`: the number of its parts; a new one may have come. */
export function useEnd(size: number) {
  const list = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const toEnd = () => {
    atEnd.current = true;
    list.current?.scrollTo({ top: list.current.scrollHeight });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new part may have come
  useLayoutEffect(() => {
    if (atEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [size]);
  useEffect(() => {
    const element = list.current;
    if (!element) return;
    const grown = new MutationObserver(() => {
      if (atEnd.current) element.scrollTo({ top: element.scrollHeight });
    });
    grown.observe(element, { childList: true, subtree: true, characterData: true });
    return () => grown.disconnect();
  }, []);
  const onScroll = () => {
    const { current } = list;
    if (current) atEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < atEndPixels;
  };
  return { list, onScroll, toEnd };
}
