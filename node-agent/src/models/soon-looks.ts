// Extra looks at the runtimes while a server is silent: one that restarts is back within seconds, and its waiting agents should not wait for
// the next look of the half minute. Their waits grow, and their number is bounded.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

const backoff: Backoff = { firstMs: 1000, maxMs: 15_000 };
/** After so many looks, those of each half minute are as frequent. */
const mostLooks = 6;

interface SoonLooks {
  /** After every look: whether a server was silent in it. */
  after(isSilent: boolean): void;
  close(): void;
}

export function createSoonLooks(parts: { clock: Clock; random: Random; look: () => void }): SoonLooks {
  let soon: Timer | null = null;
  let looks = 0;
  return {
    after(isSilent) {
      soon?.cancel();
      soon = null;
      if (!isSilent) looks = 0;
      else if (looks < mostLooks) soon = parts.clock.after(backoffMs(backoff, looks++, parts.random), parts.look);
    },
    close() {
      soon?.cancel();
      looks = mostLooks;
    },
  };
}
