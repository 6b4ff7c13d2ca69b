// Ends of tasks that were sent and that nobody settles: the coordinator may have put them off, or its word was lost. They are brought
// again, one behind the other, for a node that was alone for a week has thousands. In: what is not settled, and what was settled. Out:
// keys to send once more. A refused one is asked for later and later, so that nobody is hammered; a settled one is followed by the next.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

/** Settled within milliseconds as a rule; through an outage of the coordinator's disk it takes as long as that. */
const lookMs = 30_000;
const retry: Backoff = { firstMs: 15_000, maxMs: 300_000 };

interface LateEnds {
  /** Something new is not settled. */
  posted(): void;
  settled(key: string): void;
  /** All that is not settled goes out anew. */
  connected(): void;
  stop(): void;
}

export function createLateEnds(parts: {
  /** Oldest first. */
  unsettled: ReadonlySet<string>;
  again: (key: string) => void;
  clock: Clock;
  random: Random;
}): LateEnds {
  const { unsettled, again, clock, random } = parts;
  /** Not settled at the last look. */
  let before: ReadonlySet<string> = new Set();
  /** Not settled at the last two looks, and not brought again since; the oldest last. */
  let late: string[] = [];
  let asked: string | null = null;
  let tries = 0;
  /** Null: there is nothing to look at. */
  let timer: Timer | null = null;
  const later = (ms: number) => {
    timer = clock.after(ms, look);
  };

  function look(): void {
    const wasRefused = asked !== null;
    late = [...unsettled].filter((key) => before.has(key)).reverse();
    before = new Set(unsettled);
    askNext();
    if (unsettled.size === 0) timer = null;
    else later(asked !== null && wasRefused ? lookMs + backoffMs(retry, tries++, random) : lookMs);
  }
  function askNext(): void {
    asked = null;
    while (late.length > 0 && asked === null) {
      const key = late.pop() as string;
      if (unsettled.has(key)) asked = key;
    }
    if (asked !== null) again(asked);
  }

  function begin(): void {
    timer?.cancel();
    timer = null;
    if (unsettled.size > 0) later(lookMs);
  }
  begin();
  return {
    posted() {
      if (!timer) begin();
    },
    settled(key) {
      if (key !== asked) return;
      tries = 0;
      askNext();
    },
    connected() {
      before = new Set();
      late = [];
      asked = null;
      tries = 0;
      begin();
    },
    stop: () => timer?.cancel(),
  };
}
