// Ends of tasks that were sent and are not settled: the coordinator may have deferred them, or its answer was lost. They are sent again one
// by one, because a node that was alone for a week has thousands. In: the unsettled keys, and each settled one. Out: keys to send once
// more. After a refusal the next try waits longer and longer, so that the coordinator is not flooded; after a settled one the next is sent
// at once.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

/** As a rule an end is settled within milliseconds; during an outage of the coordinator's disk it takes as long as that. */
const lookMs = 30_000;
const retry: Backoff = { firstMs: 15_000, maxMs: 300_000 };

interface LateEnds {
  /** A new end is not settled yet. */
  posted(): void;
  settled(key: string): void;
  /** The outbox sends all unsettled ends again. */
  connected(): void;
  stop(): void;
}

export function createLateEnds(parts: {
  /** Keys of unsettled ends, oldest first. */
  unsettled: ReadonlySet<string>;
  again: (key: string) => void;
  clock: Clock;
  random: Random;
}): LateEnds {
  const { unsettled, again, clock, random } = parts;
  /** The keys that were not settled at the last look. */
  let before: ReadonlySet<string> = new Set();
  /** The keys that were not settled at the last two looks and have not been sent again since; the oldest last. */
  let late: string[] = [];
  let asked: string | null = null;
  let tries = 0;
  /** Null: every end is settled. */
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
