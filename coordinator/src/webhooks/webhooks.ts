// Webhooks that go out: brings events of the fleet to the queue of each, and posts what waits there. The queue is in the store: an event is
// queued under the number that the store gave it, and what ended with the coordinator is looked for in the store at the next start, so that each
// event is delivered at least once, under one id. One try of a webhook at a time, and none holds another. In: the events of batches, and the
// rows. Out: posts, and what became of them. It decides nothing about the fleet.
import { type EventType, type FleetEvent, maxDeliveriesWaiting } from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { deliveriesOf, isWanted, secretsAt } from '../fleet/webhooks.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { insist } from '../state/decision.ts';
import type { Touched } from '../state/touched.ts';
import { agentNameOf } from '../state/view.ts';
import type { DeliveryRow, OutWebhook } from '../state/webhook-rows.ts';
import { urlFault, type WebhookHosts } from './addresses.ts';
import { post, type Tried } from './post.ts';
import { nextWaitMs } from './retry.ts';
import { secretOf, signedHeaders } from './sign.ts';

const beatMs = 1_000;
const answerWithinMs = 10_000;
/** After a commit that failed, or a store that cannot be read. */
const againMs = 5_000;
const pageEvents = 500;
/** Events that are looked through at a start; older ones than these were written long before it. */
const maxLookedThrough = 10_000;

interface WebhooksParts {
  hosts: WebhookHosts;
  fleetName: string;
  version: string;
  clock: Clock;
  random: Random;
  log: Log;
}
interface WebhookFigures {
  delivered: number;
  failed: number;
  givenUp: number;
  waiting: number;
}

export class Webhooks {
  readonly #parts: WebhooksParts;
  readonly #sending = new Set<string>();
  /** Events that are not queued yet, oldest first, by webhook. */
  readonly #pending = new Map<string, FleetEvent[]>();
  /** Webhooks that have all that the store had when this process began to note events for them. */
  readonly #caughtUp = new Set<string>();
  readonly #lost = new Map<string, number>();
  readonly #queueing = new Set<string>();
  readonly #figures = { delivered: 0, failed: 0, givenUp: 0 };
  #coordinator: Coordinator | null = null;
  #timer: Timer | null = null;
  #stopWatching = () => {};

  constructor(parts: WebhooksParts) {
    this.#parts = parts;
  }

  /** What is wrong with where a webhook is to go; null: nothing that can be known now. */
  urlFault(url: string): Promise<string | null> {
    return urlFault(url, this.#parts.hosts);
  }
  newSecret(): string {
    return secretOf(this.#parts.random.hex(24));
  }
  get figures(): WebhookFigures {
    let waiting = 0;
    for (const { nextMs } of this.#coordinator?.view.deliveries.values() ?? []) if (nextMs !== null) waiting++;
    return { ...this.#figures, waiting };
  }

  start(coordinator: Coordinator): void {
    this.#coordinator = coordinator;
    this.#stopWatching = coordinator.watch((touched) => this.#note(touched));
    this.#timer = this.#parts.clock.every(beatMs, () => this.#beat());
    this.#beat();
  }
  stop(): void {
    this.#stopWatching();
    this.#timer?.cancel();
    this.#coordinator = null;
  }

  /** One signed message of the type `test`, at once. */
  test(row: OutWebhook): Promise<Tried> {
    const { clock, random } = this.#parts;
    const atMs = clock.nowMs();
    const body = this.#bodyOf('test', atMs, { text: 'A test of this webhook.' });
    return this.#post(row, { id: `${row.id}-test-${random.hex(4)}`, body });
  }

  #out(): OutWebhook[] {
    const rows = [...(this.#coordinator?.view.webhooks.values() ?? [])];
    return rows.filter((row): row is OutWebhook => row.direction === 'out');
  }

  #note({ events }: Touched): void {
    if (events.length === 0) return;
    for (const row of this.#out()) {
      const pending = this.#pendingOf(row.id);
      for (const event of events) if (isWanted(row, event)) pending.push(event);
      // The queue is no longer than this, whatever waits here while the store takes nothing.
      const over = pending.length - maxDeliveriesWaiting;
      if (over > 0) {
        pending.splice(maxDeliveriesWaiting);
        this.#lost.set(row.id, (this.#lost.get(row.id) ?? 0) + over);
      }
      if (pending.length > 0) void this.#queue(row.id);
    }
  }

  #pendingOf(id: string): FleetEvent[] {
    const pending = this.#pending.get(id) ?? [];
    this.#pending.set(id, pending);
    return pending;
  }

  #beat(): void {
    const coordinator = this.#coordinator;
    if (!coordinator) return;
    const nowMs = this.#parts.clock.nowMs();
    const rows = this.#out();
    for (const id of this.#pending.keys()) if (!coordinator.view.webhooks.has(id)) this.#forget(id);
    for (const row of rows) {
      if (this.#pendingOf(row.id).length > 0 || !this.#caughtUp.has(row.id)) void this.#queue(row.id);
      if (!row.paused && !this.#sending.has(row.id)) void this.#sendNext(row, nowMs);
    }
  }

  /** Brings what is pending to the queue; at first what the store has beyond the last event that was queued. */
  async #queue(id: string): Promise<void> {
    if (this.#queueing.has(id)) return;
    this.#queueing.add(id);
    try {
      const isLive = this.#caughtUp.has(id);
      const pending = this.#pendingOf(id);
      const events = isLive ? pending.slice() : await this.#missed(id);
      const coordinator = this.#coordinator;
      const row = coordinator?.view.webhooks.get(id);
      if (!coordinator || row?.direction !== 'out') return;
      // Its types may have been changed since the event was noted.
      const deliveries = events.filter((event) => isWanted(row, event)).map((event) => this.#deliveryOf(row, event));
      const dropped = this.#lost.get(id) ?? 0;
      const last = events.at(-1)?.id ?? 0;
      if (deliveries.length > 0 || dropped > 0)
        insist(await coordinator.submit('webhook-queue', { id, deliveries, dropped, afterEvent: last }));
      // What came while the store was read is pending, too: its number shows that it was queued.
      if (isLive) pending.splice(0, events.length);
      else if (events.length === 0) this.#caughtUp.add(id);
      if (dropped > 0) this.#lost.set(id, (this.#lost.get(id) ?? 0) - dropped);
    } catch (error) {
      if (!this.#coordinator) return;
      this.#parts.log.warn(
        { err: error, webhook: id },
        'events for a webhook could not be queued, and are tried again',
      );
      await new Promise<void>((resolve) => this.#parts.clock.after(againMs, resolve));
    } finally {
      this.#queueing.delete(id);
    }
    this.#beat();
  }
  #forget(id: string): void {
    this.#pending.delete(id);
    this.#caughtUp.delete(id);
    this.#lost.delete(id);
  }

  /** Of the store, oldest first, no more than the queue takes at once. */
  async #missed(id: string): Promise<FleetEvent[]> {
    const coordinator = this.#coordinator;
    const row = coordinator?.view.webhooks.get(id);
    if (!coordinator || row?.direction !== 'out') return [];
    const found: FleetEvent[] = [];
    let before: string | undefined;
    for (let looked = 0; looked < maxLookedThrough; looked += pageEvents) {
      const page = await coordinator.store.events({ limit: pageEvents, ...(before === undefined ? {} : { before }) });
      for (const event of page) if (event.id > row.afterEvent && isWanted(row, event)) found.push(event);
      const oldest = page.at(-1);
      if (!oldest || page.length < pageEvents || oldest.id <= row.afterEvent) break;
      before = String(oldest.id);
    }
    return found.reverse().slice(0, maxDeliveriesWaiting);
  }

  #deliveryOf(row: OutWebhook, event: FleetEvent): DeliveryRow {
    const view = (this.#coordinator as Coordinator).view;
    const { id, type, atMs, severity, text, node, params } = event;
    const agent = event.agent === null ? null : agentNameOf(view, event.agent);
    return {
      // After a restore from a backup other events have these numbers.
      id: `${row.id}-${id}-${atMs.toString(36)}`,
      webhook: row.id,
      number: id,
      event: type,
      text,
      body: this.#bodyOf(type, atMs, { number: id, severity, text, node, agent, params }),
      atMs,
      tries: 0,
      nextMs: this.#parts.clock.nowMs(),
      problem: null,
    };
  }
  #bodyOf(type: EventType | 'test', atMs: number, data: object): string {
    const { fleetName } = this.#parts;
    return JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data: { fleet: fleetName, ...data } });
  }

  #post(row: OutWebhook, { id, body }: Pick<DeliveryRow, 'id' | 'body'>): Promise<Tried> {
    const { hosts, clock, version } = this.#parts;
    const atMs = clock.nowMs();
    const headers = signedHeaders({ id, atMs, body }, secretsAt(row, atMs));
    const agent = `blackroad-fleet/${version}`;
    return post({ url: row.url, body, headers, hosts, clock, deadlineMs: answerWithinMs, agent });
  }

  async #sendNext(row: OutWebhook, nowMs: number): Promise<void> {
    const coordinator = this.#coordinator as Coordinator;
    const due = nextDue(deliveriesOf(coordinator.view, row.id), nowMs);
    if (!due) return;
    this.#sending.add(row.id);
    const { clock, random, log } = this.#parts;
    try {
      const tried = await this.#post(row, due);
      const { ms: _, retryAfterMs = 0, ...outcome } = tried;
      const waitMs = tried.ok ? null : nextWaitMs(due.tries + 1, retryAfterMs, random);
      const atMs = clock.nowMs();
      this.#figures[tried.ok ? 'delivered' : 'failed']++;
      if (!tried.ok && waitMs === null) this.#figures.givenUp++;
      if (!tried.ok)
        log.info(
          { webhook: row.name, delivery: due.id, tries: due.tries + 1, isLast: waitMs === null },
          `not delivered: ${tried.text}`,
        );
      const nextMs = waitMs === null ? null : atMs + waitMs;
      const told = { id: due.id, url: row.url, tries: due.tries, tried: { ...outcome, atMs }, nextMs };
      insist(await coordinator.submit('delivery-told', told));
    } catch (error) {
      if (!this.#coordinator) return;
      // The store takes nothing now: the same message is posted again, under its id.
      log.warn({ err: error, webhook: row.name }, 'what became of a delivery could not be stored');
      await new Promise<void>((resolve) => clock.after(againMs, resolve));
    } finally {
      this.#sending.delete(row.id);
    }
    this.#beat();
  }
}

/** A clock that was set back must not make one wait for years. */
const longestWaitMs = 24 * 3600_000;
function nextDue(rows: readonly DeliveryRow[], nowMs: number): DeliveryRow | null {
  let best: DeliveryRow | null = null;
  for (const row of rows) {
    if (row.nextMs === null || (row.nextMs > nowMs && row.nextMs < nowMs + longestWaitMs)) continue;
    if (!best || row.number < best.number) best = row;
  }
  return best;
}
