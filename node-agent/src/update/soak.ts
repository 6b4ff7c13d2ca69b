// A new release watches itself: it stays when, for the whole soak time without a break, the coordinator welcomed it and every model is here
// that was here before. In: what it sees each second. Out: `stays`, or why it goes back. Pure but for its clock.
import type { Clock, Timer } from '@blackroad/std/clock';

interface SoakParts {
  soakMs: number;
  /** The names of models that were here before the switch. */
  before: readonly string[];
  models: () => readonly string[];
  isWelcome: () => boolean;
  clock: Clock;
  onEnd: (lacking: string | null) => void;
}

const lookMs = 1000;
/** So many soak times may pass until it has been well for one of them. */
export const soaksAtMost = 10;

export function startSoak({ soakMs, before, models, isWelcome, clock, onEnd }: SoakParts): Timer {
  const startedMs = clock.monotonicMs();
  let wellSinceMs: number | null = null;
  const lacking = () => {
    if (!isWelcome()) return 'it has no contact with the coordinator';
    const here = new Set(models());
    const gone = before.filter((name) => !here.has(name));
    return gone.length === 0 ? null : `models that were here before are not: ${gone.join(', ')}`;
  };
  const timer = clock.every(Math.min(lookMs, soakMs), () => {
    const nowMs = clock.monotonicMs();
    const lacks = lacking();
    if (lacks === null) wellSinceMs ??= nowMs;
    else wellSinceMs = null;
    const isWell = wellSinceMs !== null && nowMs - wellSinceMs >= soakMs;
    const isLate = nowMs - startedMs >= soakMs * soaksAtMost;
    if (!isWell && !isLate) return;
    timer.cancel();
    onEnd(
      isWell
        ? null
        : `${lacks ?? 'it was not well for long enough'}, ${Math.round((nowMs - startedMs) / 1000)} s after its start`,
    );
  });
  return timer;
}
