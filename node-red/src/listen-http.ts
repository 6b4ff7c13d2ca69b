// The events of the fleet over HTTP, for all nodes of a flow that want them: one request every two seconds, however many they are. Events have
// numbers without holes; each listener has its own last number, so that after a connection that broke, or a flow that was deployed anew, it
// gets each once, and is told which it cannot get any more.
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Listener } from './door.ts';
import { type Found, newerThan } from './new-events.ts';
import type { Requests } from './requests.ts';

const periodMs = 2_000;
const away: Backoff = { firstMs: 1_000, maxMs: 30_000 };
/** Events told in one turn of the event loop. */
const perTurn = 100;

interface ListenParts {
  requests: Requests;
  clock: Clock;
  random: Random;
}
interface Listening {
  add(listener: Listener): () => void;
  close(): void;
}

export function listenOverHttp({ requests, clock, random }: ListenParts): Listening {
  const listeners = new Set<Listener>();
  const stop = new AbortController();
  let timer: Timer | null = null;
  let isLooking = false;
  let failures = 0;

  function again(ms: number) {
    timer?.cancel();
    timer = listeners.size === 0 || stop.signal.aborted ? null : clock.after(ms, look);
  }
  async function look() {
    if (isLooking) return;
    isLooking = true;
    try {
      await tellNew();
      failures = 0;
      for (const listener of listeners) listener.onTrouble(null);
    } catch (error) {
      failures++;
      if (!stop.signal.aborted) for (const listener of listeners) listener.onTrouble(error as Error);
    } finally {
      isLooking = false;
      again(failures === 0 ? periodMs * (0.9 + 0.2 * random.next()) : backoffMs(away, failures, random));
    }
  }

  async function tellNew() {
    const known = [...listeners].flatMap(({ after }) => after ?? []);
    const low = known.length === 0 ? null : Math.min(...known);
    const found = await newerThan(low, { requests, clock, stop: stop.signal });
    for (const listener of [...listeners]) {
      // It begins now.
      if (listener.after === null) listener.after = found.newest;
      else await tell(listener, found);
    }
  }
  async function tell(listener: Listener, { events, newest, gap }: Found) {
    const after = listener.after ?? 0;
    if (after > newest) {
      const text = `the newest event has the number ${newest}, and number ${after} was told already: the coordinator was restored, or set up anew. What came between is not told`;
      listener.onGap({ text, after: null, before: null });
      listener.after = newest;
    }
    // Others may have asked for more of the past.
    if (gap?.before != null && gap.before > after + 1) listener.onGap(gap);
    let told = 0;
    for (const event of events) {
      if (event.id <= (listener.after ?? 0)) continue;
      if (!listeners.has(listener)) return;
      listener.after = event.id;
      listener.onEvent(event);
      if (++told % perTurn === 0) await new Promise<void>((resolve) => clock.soon(resolve));
    }
  }

  return {
    add(listener) {
      listeners.add(listener);
      again(0);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) again(0);
      };
    },
    close() {
      stop.abort();
      timer?.cancel();
    },
  };
}
