// Webhooks: made, changed, paused, rotated and deleted by people; what waits for those that go out, and what became of each try. Every queue is
// bounded: where that of a webhook is full, the newest events are left out and counted. In: orders, events, outcomes. Out: durable rows, and the
// audit.
import { actorOf, type EventType, maxDeliveriesDead, maxDeliveriesWaiting, maxWebhooks } from '@blackroad/protocol';
import { type Decision, refuse } from '../state/decision.ts';
import { change, type Draft, decided, decidedWith, noteAudit, noteEvent, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { View } from '../state/view.ts';
import type { DeliveryRow, InWebhook, OutWebhook, WebhookRow } from '../state/webhook-rows.ts';

/** For so long messages are signed with the previous secret, too: a receiver has that time to learn the new one. */
const oldSecretMs = 24 * 3600_000;

export function webhookNamed(view: Pick<View, 'webhooks'>, space: string, name: string): WebhookRow | undefined {
  for (const row of view.webhooks.values()) if (row.name === name && row.space === space) return row;
  return undefined;
}
export function deliveriesOf(view: Pick<View, 'deliveries' | 'deliveriesByWebhook'>, webhook: string): DeliveryRow[] {
  return [...(view.deliveriesByWebhook.get(webhook) ?? [])].flatMap((id) => view.deliveries.get(id) ?? []);
}
/** A webhook that is told of its own failure would fail again. */
export const givenUp = 'webhook-given-up';
/** It was given up. */
export const isDead = ({ nextMs }: Pick<DeliveryRow, 'nextMs'>) => nextMs === null;
const byNumber = (a: DeliveryRow, b: DeliveryRow) => a.number - b.number;

function noWebhook(id: string): Decision<never> {
  return refuse('no-such-webhook', `There is no webhook ${id}.`);
}

export const createWebhook: Decide<'webhook-create'> = (view, { by, row }, nowMs) => {
  if (webhookNamed(view, row.space, row.name))
    return refuse('conflict', `body: name: there is a webhook ${row.name} already.`);
  if (view.webhooks.size >= maxWebhooks)
    return refuse('fleet-full', `The fleet has ${maxWebhooks} webhooks, its limit; delete one.`);
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'webhook', row: { ...row, createdMs: nowMs, by: actorOf(by) } });
  const { name, direction } = row;
  noteAudit(draft, by, 'webhook-create', { name, direction, ...(row.direction === 'out' ? { url: row.url } : {}) });
  return decided(draft);
};

/** What waits goes to another address, where no try of it failed yet; types that are added count from now on. */
export const editWebhook: Decide<'webhook-edit'> = (view, { by, id, url, events, newest }, nowMs) => {
  const row = view.webhooks.get(id);
  if (!row) return noWebhook(id);
  if (row.direction !== 'out')
    return refuse('conflict', `The webhook ${row.name} comes in: it has no address of others and no events.`);
  const draft = openDraft(view, nowMs);
  const isMoved = url !== undefined && url !== row.url;
  const isOther = events !== undefined && events.toSorted().join() !== row.events.toSorted().join();
  if (!isMoved && !isOther) return decided(draft);
  const { failingSinceMs, ...rest } = isOther ? withEvents(row, events, newest) : row;
  const isFailing = failingSinceMs !== undefined && !isMoved;
  change(draft, {
    type: 'webhook',
    row: { ...rest, ...(isMoved ? { url } : {}), ...(isFailing ? { failingSinceMs } : {}) },
  });
  if (isMoved) tryAnew(draft, id);
  noteAudit(draft, by, 'webhook-change', {
    name: row.name,
    ...(isMoved ? { url } : {}),
    ...(isOther ? { events: [...events] } : {}),
  });
  return decided(draft);
};
function withEvents(row: OutWebhook, events: readonly EventType[], newest: number): OutWebhook {
  const after = (type: EventType) => (row.events.includes(type) ? row.addedAfter?.[type] : newest);
  const addedAfter = Object.fromEntries(events.map((type) => [type, after(type) ?? 0]).filter(([, number]) => number));
  return { ...row, events, addedAfter };
}
/** What waits is due now, with all its tries. */
function tryAnew(draft: Draft, id: string): void {
  for (const each of deliveriesOf(draft.view, id))
    if (!isDead(each)) change(draft, { type: 'delivery', row: { ...each, tries: 0, nextMs: draft.nowMs } });
}
/** Whether an event goes to a webhook. */
export function isWanted(
  { events, afterEvent, addedAfter }: OutWebhook,
  { type, id }: { type: EventType; id: number },
): boolean {
  return id > afterEvent && events.includes(type) && id > (addedAfter?.[type] ?? 0);
}

/** What a webhook that goes out is to be told waits through a pause, and is posted after it. */
export const pauseWebhook: Decide<'webhook-pause'> = (view, { by, id, paused }, nowMs) => {
  const row = view.webhooks.get(id);
  if (!row) return noWebhook(id);
  const draft = openDraft(view, nowMs);
  const { paused: before, ...rest } = row;
  if (paused === (before !== undefined)) return decided(draft);
  const { name, direction } = row;
  change(draft, { type: 'webhook', row: paused ? { ...rest, paused: { atMs: nowMs, by: actorOf(by) } } : rest });
  if (!paused) tryAnew(draft, id);
  noteAudit(draft, by, paused ? 'webhook-pause' : 'webhook-resume', { name, direction });
  return decided(draft);
};

export const rotateWebhook: Decide<'webhook-rotate'> = (view, { by, id, secret }, nowMs) => {
  const row = view.webhooks.get(id);
  if (!row) return noWebhook(id);
  const draft = openDraft(view, nowMs);
  change(draft, {
    type: 'webhook',
    row: row.direction === 'in' ? reset(row, secret) : rotated(row, secret.text, nowMs),
  });
  noteAudit(draft, by, 'webhook-rotate', { name: row.name });
  return decided(draft);
};
function reset(row: InWebhook, { text, hash }: { text: string; hash: string }): InWebhook {
  return { ...row, secretHash: hash, ...(row.signing === undefined ? {} : { signing: text }) };
}
/** Of earlier secrets the last one alone goes on. */
function rotated(row: OutWebhook, text: string, nowMs: number): OutWebhook {
  const [present] = row.secrets;
  const old = present ? [{ text: present.text, untilMs: nowMs + oldSecretMs }] : [];
  return { ...row, secrets: [{ text, untilMs: null }, ...old] };
}
/** What a message is signed with now. */
export function secretsAt({ secrets }: Pick<OutWebhook, 'secrets'>, nowMs: number): string[] {
  return secrets.filter(({ untilMs }) => untilMs === null || nowMs < untilMs).map(({ text }) => text);
}

export const deleteWebhook: Decide<'webhook-delete'> = (view, { by, id }, nowMs) => {
  const row = view.webhooks.get(id);
  if (!row) return noWebhook(id);
  const draft = openDraft(view, nowMs);
  change(draft, { type: 'webhook-gone', id });
  noteAudit(draft, by, 'webhook-delete', { name: row.name, direction: row.direction });
  return decided(draft);
};

/** Events that were queued before are known by their numbers, and change nothing. */
export const queueDeliveries: Decide<'webhook-queue'> = (view, { id, deliveries, dropped, afterEvent }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const row = view.webhooks.get(id);
  if (row?.direction !== 'out') return decided(draft);
  const fresh = deliveries.filter(({ number }) => number > row.afterEvent).sort(byNumber);
  const waiting = deliveriesOf(view, id).filter((each) => !isDead(each)).length;
  const taken = fresh.slice(0, Math.max(0, maxDeliveriesWaiting - waiting));
  for (const delivery of taken) change(draft, { type: 'delivery', row: delivery });
  const upto = Math.max(row.afterEvent, afterEvent);
  const lost = fresh.length - taken.length + dropped;
  if (upto > row.afterEvent || lost > 0)
    change(draft, { type: 'webhook', row: { ...row, afterEvent: upto, dropped: row.dropped + lost } });
  return decided(draft);
};

export const tellDelivery: Decide<'delivery-told'> = (view, { id, url, tries, tried, nextMs }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const delivery = view.deliveries.get(id);
  const row = delivery && view.webhooks.get(delivery.webhook);
  // The webhook was deleted meanwhile.
  if (!delivery || row?.direction !== 'out') return decided(draft);
  const { failingSinceMs, ...rest } = row;
  const last = { ...tried, event: delivery.event };
  if (tried.ok) {
    change(draft, { type: 'webhook', row: { ...rest, last, delivered: row.delivered + 1 } });
    change(draft, { type: 'delivery-gone', id });
    return decided(draft);
  }
  // It has another address or all its tries again since it was posted: that try is none of them.
  if (url !== row.url || tries !== delivery.tries) return decided(draft);
  const sinceMs = failingSinceMs ?? (nextMs === null ? nowMs : undefined);
  const since = sinceMs === undefined ? {} : { failingSinceMs: sinceMs };
  change(draft, { type: 'webhook', row: { ...rest, last, ...since } });
  const failed = { ...delivery, tries: tries + 1, nextMs, problem: tried.text };
  change(draft, { type: 'delivery', row: failed });
  if (nextMs !== null) return decided(draft);
  const dead = deliveriesOf(view, row.id).filter(isDead).sort(byNumber);
  // Of a receiver that is gone all are given up: the first says it.
  if (dead.length === 0) noteEvent(draft, givenUp, { webhook: row.name, event: delivery.event, problem: tried.text });
  for (const { id: oldest } of dead.slice(0, Math.max(0, dead.length + 1 - maxDeliveriesDead)))
    change(draft, { type: 'delivery-gone', id: oldest });
  return decided(draft);
};

export const replayDeliveries: Decide<'deliveries-replay'> = (view, { by, id, deliveries }, nowMs) => {
  const row = view.webhooks.get(id);
  if (!row) return noWebhook(id);
  const draft = openDraft(view, nowMs);
  const wanted = deliveries && new Set(deliveries);
  const dead = deliveriesOf(view, id).filter((each) => isDead(each) && (wanted?.has(each.id) ?? true));
  const unknown = deliveries?.find((each) => !dead.some((known) => known.id === each));
  if (unknown !== undefined)
    return refuse(
      'invalid-request',
      `body: ids: expected deliveries that were given up, got ${JSON.stringify(unknown)}.`,
    );
  for (const each of dead) change(draft, { type: 'delivery', row: { ...each, tries: 0, nextMs: nowMs } });
  if (dead.length > 0) noteAudit(draft, by, 'webhook-replay', { name: row.name, deliveries: dead.length });
  return decidedWith(draft, { replayed: dead.length });
};
