// A new release of the coordinator watches itself: it stays when, for the whole soak time without a break, it answers, and most nodes that
// were online before are online. In: what it sees each second. Out: null when it stays, or why it does not.
import type { Clock, Timer } from '@blackroad/std/clock';

interface SoakParts {
  soakMs: number;
  /** That were online before the switch. */
  before: number;
  online: () => number;
  /** Whether it answers a request. */
  answers: () => Promise<boolean>;
  clock: Clock;
  onEnd: (lacking: string | null) => void;
}

const lookMs = 1000;
/** So many soak times may pass until it has been well for one of them. */
export const soaksAtMost = 10;
/** A machine that somebody switches off meanwhile is no fault of the release. */
const awayShare = 0.25;

export function startSoak({ soakMs, before, online, answers, clock, onEnd }: SoakParts): Timer {
  const startedMs = clock.monotonicMs();
  const enough = before - Math.floor(before * awayShare);
  let wellSinceMs: number | null = null;
  let isOver = false;
  const look = async () => {
    const isAnswered = await answers();
    if (isOver) return;
    const nowMs = clock.monotonicMs();
    const here = online();
    const lacks = !isAnswered
      ? 'it does not answer requests'
      : here < enough
        ? `${here} of ${before} nodes that were online before are online`
        : null;
    if (lacks === null) wellSinceMs ??= nowMs;
    else wellSinceMs = null;
    const isWell = wellSinceMs !== null && nowMs - wellSinceMs >= soakMs;
    if (!isWell && nowMs - startedMs < soakMs * soaksAtMost) return;
    end();
    const after = `, ${Math.round((nowMs - startedMs) / 1000)} s after its start`;
    onEnd(isWell ? null : `${lacks ?? 'it was not well for long enough'}${after}`);
  };
  const timer = clock.every(Math.min(lookMs, soakMs), () => void look());
  const end = () => {
    isOver = true;
    timer.cancel();
  };
  return { cancel: end };
}
