// The list of the coordinator's events, newest first, read back as far as it is wanted. In: the number of the last event that is known. Out: those
// after it, oldest first, and between which numbers there are some that cannot be had.
import type { FleetEvent } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Gap } from './door.ts';
import type { Requests } from './requests.ts';
import { Trouble } from './trouble.ts';

const requestMs = 30_000;
/** The first page of each look; the following ones are larger. */
const firstPage = 20;
const nextPage = 200;
/** Who was away for longer is told which ones it missed. */
const maxCaughtUp = 5_000;

export interface Found {
  /** Oldest first. */
  events: FleetEvent[];
  newest: number;
  gap: Gap | null;
}
interface ListParts {
  requests: Requests;
  clock: Clock;
  stop: AbortSignal;
}

/** All after the number `low`; with null the newest number alone. */
export async function newerThan(low: number | null, parts: ListParts): Promise<Found> {
  const events: FleetEvent[] = [];
  let page = await pageBefore(null, low === null ? 1 : firstPage, parts);
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
    page = await pageBefore(oldest, limit, parts);
  }
}

async function pageBefore(
  before: number | null,
  limit: number,
  { requests, clock, stop }: ListParts,
): Promise<FleetEvent[]> {
  const query = `limit=${limit}${before === null ? '' : `&before=${before}`}`;
  const late = new AbortController();
  const abort = () => late.abort();
  const timer = clock.after(requestMs, abort, true);
  stop.addEventListener('abort', abort, { once: true });
  try {
    const page = await requests.json({ method: 'GET', path: `/v1/events?${query}`, signal: late.signal });
    if (!Array.isArray(page)) throw new Trouble('refused', 'the answer is no list of events');
    return page as FleetEvent[];
  } finally {
    timer.cancel();
    stop.removeEventListener('abort', abort);
  }
}
