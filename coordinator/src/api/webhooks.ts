// Webhooks: made, shown, changed, paused, tested and deleted by people, and called by programs. A secret is in one answer only; of one that
// comes in its hash is kept. Who calls with a wrong secret learns the same as who calls a webhook that is not there.
import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import {
  type EventType,
  FleetError,
  maxHookCallsPerMinute,
  type Principal,
  type RouteName,
  type WebhookCalled,
  type WebhookMade,
  type WebhookView,
} from '@blackroad/protocol';
import { withDeadline } from '@blackroad/std/clock';
import { sha256Hex } from '@blackroad/std/sha256';
import { isSameHash } from '../fleet/access.ts';
import { deliveriesOf, givenUp, isDead, webhookNamed } from '../fleet/webhooks.ts';
import type { ApiContext } from '../http/context.ts';
import { refuseStranger } from '../http/guard.ts';
import { accepted, type Call, type Handlers, refuseFaults, shown } from '../http/handler.ts';
import { networkUrl } from '../http/reach.ts';
import { isEnded } from '../state/rows.ts';
import type { InWebhook, OutWebhook, WebhookRow } from '../state/webhook-rows.ts';
import { agentOr404 } from './agents.ts';

const pathOf = ({ name }: WebhookRow) => `/hooks/${name}`;

function viewOf(context: ApiContext, row: WebhookRow): WebhookView {
  const { id, name, direction, createdMs, by, paused = null } = row;
  const about = { id, name, direction, createdMs, by, paused };
  return row.direction === 'in'
    ? { ...about, in: inOf(context, row), out: null }
    : { ...about, in: null, out: outOf(context, row) };
}
function inOf({ triggers }: ApiContext, row: InWebhook): WebhookView['in'] {
  return {
    path: pathOf(row),
    signed: row.signing !== undefined,
    agents: triggers.agentsOf(row.name),
    ...triggers.calls.of(row.id),
  };
}
function outOf({ coordinator, clock }: ApiContext, row: OutWebhook): WebhookView['out'] {
  const { url, events, delivered, dropped, last, failingSinceMs, secrets } = row;
  const all = deliveriesOf(coordinator.view, row.id);
  const dead = all.filter(isDead).length;
  const old = secrets.find(({ untilMs }) => untilMs !== null && untilMs > clock.nowMs());
  return {
    url,
    events: [...events],
    waiting: all.length - dead,
    dead,
    delivered,
    dropped,
    last: last ?? null,
    failingSinceMs: failingSinceMs ?? null,
    oldSecretUntilMs: old?.untilMs ?? null,
  };
}

function webhookOr404({ coordinator }: ApiContext, by: Principal, name: string): WebhookRow {
  const row = webhookNamed(coordinator.view, by.space, name);
  if (!row) throw new FleetError('no-such-webhook', { detail: `There is no webhook "${name}".` });
  return row;
}
function outOr409(row: WebhookRow): OutWebhook {
  if (row.direction === 'out') return row;
  throw new FleetError('conflict', {
    detail: `The webhook ${row.name} comes in: programs call it, and nothing is posted.`,
  });
}

type Asked = Pick<Call<'webhookCreate'>, 'context' | 'request' | 'listener'>;
/** With the secret, for the one answer that has it. */
function made({ context, request, listener }: Asked, row: WebhookRow, secret: string): WebhookMade {
  const base = networkUrl(context, request, listener) ?? `${request.protocol}://${request.host}`;
  return { ...viewOf(context, row), secret, url: row.direction === 'in' ? `${base}${pathOf(row)}/${secret}` : null };
}

async function newestEvent({ coordinator }: ApiContext): Promise<number> {
  return (await coordinator.store.events({ limit: 1 }))[0]?.id ?? 0;
}

/** As it is kept. @throws FleetError where events may not be posted there */
async function urlOf({ webhooks }: ApiContext, url: string): Promise<string> {
  const expected = await webhooks.urlFault(url);
  if (expected !== null) refuseFaults([{ field: 'url', expected, got: JSON.stringify(url) }]);
  return new URL(url).href;
}
function eventsOf(types: readonly EventType[]): EventType[] {
  const own = types.indexOf(givenUp);
  if (own >= 0) refuseFaults([{ field: `events.${own}`, expected: 'no event of webhooks', got: `"${givenUp}"` }]);
  return [...new Set(types)];
}

function viewNow(context: ApiContext, id: string): WebhookView {
  return viewOf(context, shown(context.coordinator.view.webhooks.get(id) ?? null));
}
type Told = Pick<Call<'webhookPause'>, 'context' | 'params' | 'by'>;
async function paused({ context, params, by }: Told, paused: boolean): Promise<WebhookView> {
  const { id } = webhookOr404(context, by, params.webhook);
  accepted(await context.coordinator.submit('webhook-pause', { by, id, paused }));
  return viewNow(context, id);
}

export const webhookHandlers = {
  webhooks: ({ context, by }) =>
    Array.from(context.coordinator.view.webhooks.values())
      .filter(({ space }) => space === by.space)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((row) => viewOf(context, row)),
  async webhookCreate(call) {
    const { context, body, by } = call;
    const { coordinator, random, clock, webhooks } = context;
    const about = { id: random.hex(6), space: by.space, name: body.name, createdMs: clock.nowMs(), by: by.name };
    const secret = body.direction === 'in' ? random.hex(24) : webhooks.newSecret();
    const signing = body.direction === 'in' && body.signed ? { signing: secret } : {};
    let row: WebhookRow = { ...about, direction: 'in', secretHash: sha256Hex(secret), ...signing };
    if (body.direction === 'out') {
      row = {
        ...about,
        direction: 'out',
        url: await urlOf(context, body.url),
        events: eventsOf(body.events),
        secrets: [{ text: secret, untilMs: null }],
        afterEvent: await newestEvent(context),
        delivered: 0,
        dropped: 0,
      };
    }
    accepted(await coordinator.submit('webhook-create', { by, row }));
    return made(call, shown(coordinator.view.webhooks.get(row.id) ?? null), secret);
  },
  async webhookEdit({ context, params, body, by }) {
    const { id } = outOr409(webhookOr404(context, by, params.webhook));
    const order = {
      ...{ by, id, newest: await newestEvent(context) },
      ...(body.url === undefined ? {} : { url: await urlOf(context, body.url) }),
      ...(body.events === undefined ? {} : { events: eventsOf(body.events) }),
    };
    accepted(await context.coordinator.submit('webhook-edit', order));
    return viewNow(context, id);
  },
  webhookPause: (call) => paused(call, true),
  webhookResume: (call) => paused(call, false),
  async webhookRotate(call) {
    const { context, params, by } = call;
    const { coordinator, random, webhooks } = context;
    const { id, direction } = webhookOr404(context, by, params.webhook);
    const secret = direction === 'in' ? random.hex(24) : webhooks.newSecret();
    accepted(await coordinator.submit('webhook-rotate', { by, id, secret: { text: secret, hash: sha256Hex(secret) } }));
    return made(call, shown(coordinator.view.webhooks.get(id) ?? null), secret);
  },
  async webhookDelete({ context, params, by }) {
    const { id } = webhookOr404(context, by, params.webhook);
    accepted(await context.coordinator.submit('webhook-delete', { by, id }));
    context.triggers.calls.forget(id);
  },
  async webhookTest({ context, params, by }) {
    const { ok, status, text, ms } = await context.webhooks.test(outOr409(webhookOr404(context, by, params.webhook)));
    return { ok, status, text, ms };
  },
  deliveries({ context, params, by }) {
    const row = outOr409(webhookOr404(context, by, params.webhook));
    return deliveriesOf(context.coordinator.view, row.id)
      .sort((a, b) => b.number - a.number)
      .map(({ id, event, text, tries, atMs, nextMs, problem }) => ({
        ...{ id, event, text, tries, atMs, nextMs, problem },
        state: nextMs === null ? ('dead' as const) : ('waiting' as const),
      }));
  },
  async deliveriesReplay({ context, params, body, by }) {
    const { id } = outOr409(webhookOr404(context, by, params.webhook));
    const order = { by, id, ...(body.ids ? { deliveries: body.ids } : {}) };
    return accepted(await context.coordinator.submit('deliveries-replay', order));
  },
  agentTriggers: ({ context, params, by }) => context.triggers.of(agentOr404(context, by, params.agent)),

  hookCall: (call) => called(call, call.params.webhook, call.params.secret),
  hookCallByHeader(call) {
    const secret = /^Bearer +(\S+)$/i.exec(call.request.headers.authorization ?? '')?.[1];
    return called(call, call.params.webhook, secret ?? '');
  },
} satisfies Partial<Handlers>;

type HookCall = Pick<Call<Extract<RouteName, 'hookCall'>>, 'context' | 'query' | 'by' | 'request' | 'reply'>;
/** No hash is this: a webhook that is not there is compared with it, so that both take the same time. */
const noHash = '0'.repeat(64);
const maxKeyChars = 200;

async function called(
  { context, query, by, request, reply }: HookCall,
  name: string,
  secret: string,
): Promise<WebhookCalled> {
  const { coordinator, triggers } = context;
  const row = webhookNamed(coordinator.view, by.space, name);
  const bytes = request.body instanceof Buffer ? request.body : Buffer.alloc(0);
  const into = row?.direction === 'in' ? row : null;
  const isKnown = isSameHash(sha256Hex(secret), into?.secretHash ?? noHash);
  const isSigned = isSameHash(signatureIn(request.headers), signatureOf(into?.signing ?? noHash, bytes));
  if (!into || !(isKnown || (isSigned && into.signing !== undefined))) {
    const error = new FleetError('no-such-webhook', { detail: 'There is no webhook at this address.' });
    throw refuseStranger(context, request, 'webhook', error);
  }
  const seconds = triggers.calls.take(into.id);
  if (seconds > 0) {
    const detail = `The webhook ${into.name} is called more than ${maxHookCallsPerMinute} times a minute.`;
    throw new FleetError('rate-limited', { detail, retryAfterSeconds: seconds });
  }
  if (into.paused) {
    triggers.calls.note(into.id, 'refused');
    throw new FleetError('webhook-paused', { detail: `The webhook ${into.name} is paused, and wakes nobody.` });
  }
  const woken = await triggers.called(into, bytes.toString('utf8'), keyOf(request.headers['idempotency-key']));
  const tasks = woken.flatMap(({ agent, task }) => (task === null ? [] : [{ agent, task }]));
  const refused = woken.flatMap(({ agent, task, text }) => (task === null ? [{ agent, text }] : []));
  triggers.calls.note(into.id, tasks.length > 0 ? 'taken' : 'refused');
  if (woken.length === 0)
    throw new FleetError('conflict', { detail: `No agent has a trigger for the webhook ${into.name}.` });
  const [first] = tasks;
  const answer = first && query.wait ? await endOf(context, first, query.wait * 1000) : null;
  reply.code(answer ? 200 : 202);
  return { tasks, refused, ...(answer ? { answer } : {}) };
}

/** As GitHub has it: `sha256=` and the HMAC of the body in hex. */
function signatureOf(secret: string, body: Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex');
}
function signatureIn({ 'x-hub-signature-256': header }: IncomingHttpHeaders): string {
  return typeof header === 'string' ? header.replace(/^sha256=/, '') : '';
}
/** For a header that came twice, or is too long for a key, there is no promise to keep. */
function keyOf(header: string | string[] | undefined): string | null {
  return typeof header === 'string' && header !== '' && header.length <= maxKeyChars ? header : null;
}

/** Null: it did not end in time. */
async function endOf(
  { coordinator, clock }: ApiContext,
  { agent, task }: { agent: string; task: string },
  deadlineMs: number,
): Promise<WebhookCalled['answer'] | null> {
  let unfollow = () => {};
  const ended = new Promise<void>((resolve) => {
    unfollow = coordinator.follow(task, ({ event }) => {
      if (event === 'end') resolve();
    });
  });
  // It may have ended before it was followed.
  const before = coordinator.view.tasks.has(task) ? null : await coordinator.store.task(task);
  if (!before) await withDeadline(clock, deadlineMs, ended, () => new Error('too late')).catch(() => {});
  unfollow();
  const row = before ?? (await coordinator.store.task(task));
  if (!row || !isEnded(row)) return null;
  const ok = row.state === 'done';
  return { agent, task, ok, text: ok ? (row.result ?? '') : (row.problem?.text ?? `The task is ${row.state}.`) };
}
