// Times and durations: relative, with the exact one on hover and for machines.
import { useNow } from '../data/clock.ts';
import { age, exact, relative } from '../kit/words.ts';

/** `12 s ago`, exact on hover. `since` leaves the `ago` out: "online for 3 h". */
export function Time({ at, since = false }: { at: number | null | undefined; since?: boolean }) {
  const now = useNow();
  if (at === null || at === undefined) return <span className="dim">never</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at)} className="nowrap">
      {since ? age(now - at) : relative(at, now)}
    </time>
  );
}

/** The remaining time: `10 min`; `no longer` after the end. */
export function Left({ until }: { until: number }) {
  const now = useNow();
  return (
    <time dateTime={new Date(until).toISOString()} title={exact(until)} className="nowrap">
      {until <= now ? 'no longer' : age(until - now)}
    </time>
  );
}
