// The events of the fleet over HTTP, for all nodes of a flow that want them: one request every two seconds, however many they are. Events have
// numbers without holes; each listener has its own last number, so that after a connection that broke, or a flow that was deployed anew, it
// gets each once, and is told which it cannot get any more.
import type { FleetEvent } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import type { Gap, Listener } from './door.ts';
import type { Requests } from './requests.ts';
import { Trouble } from './trouble.ts';

const periodMs = 2_000;
const away: Backoff = { firstMs: 1_000, maxMs: 30_000 };
const requestMs = 30_000;
/** The first page of each look; the following ones are larger. */
const firstPage = 20;
const nextPage = 200;
/** A listener that was away for longer is told how many it missed. */
const maxCaughtUp = 5_000;
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
    const found = await newerThan(low);
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

  interface Found {
    /** Oldest first. */
    events: FleetEvent[];
    newest: number;
    gap: Gap | null;
  }
  /** All after the number `low`; with null the newest number alone. */
  async function newerThan(low: number | null): Promise<Found> {
    const events: FleetEvent[] = [];
    let page = await pageBefore(null, low === null ? 1 : firstPage);
    const newest = page[0]?.id ?? 0;
    if (low === null || newest <= low) return { events, newest, gap: null };
    let limit = firstPage;
    for (;;) {
      const fresh = page.filter(({ id }) => id > low);
      events.push(...fresh);
      const oldest = events.at(-1)?.id ?? low + 1;
      if (fresh.length < page.length || oldest <= low + 1) return { events: events.reverse(), newest, gap: null };
      const isEnd = page.length < limit;
      if (isEnd || events.length >= maxCaughtUp) {
        const why = isEnd ? 'the coordinator keeps them no more' : `they are more than ${maxCaughtUp}`;
        const text = `the events after number ${low} and before ${oldest} are not told: ${why}`;
        return { events: events.reverse(), newest, gap: { text, after: low, before: oldest } };
      }
      limit = nextPage;
      page = await pageBefore(oldest, limit);
    }
  }
  async function pageBefore(before: number | null, limit: number): Promise<FleetEvent[]> {
    const query = `limit=${limit}${before === null ? '' : `&before=${before}`}`;
    const late = new AbortController();
    const abort = () => late.abort();
    const timer = clock.after(requestMs, abort, true);
    stop.signal.addEventListener('abort', abort, { once: true });
    try {
      const page = await requests.json({ method: 'GET', path: `/v1/events?${query}`, signal: late.signal });
      if (!Array.isArray(page)) throw new Trouble('refused', 'the answer is no list of events');
      return page as FleetEvent[];
    } finally {
      timer.cancel();
      stop.signal.removeEventListener('abort', abort);
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
