// Webhooks that go out, through the API, against a real receiver: what it gets, what it may do wrong, and that one that hangs holds no other.
import {
  type Alert,
  type AuditEntry,
  type DeliveryView,
  FleetError,
  type WebhookMade,
  type WebhookOutcome,
  type WebhookView,
} from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type HookReceiver, isSigned, openHookReceiver } from '../../../test/fixtures/hook-receiver.ts';
import { until } from '../../../test/fixtures/processes.ts';
import type { DurableChange } from '../state/change.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';

async function open(t: Test, options: Parameters<typeof openApiFleet>[0] = {}) {
  const fleet = await openApiFleet({ webhookHosts: 'local', ...options });
  t.teardown(() => fleet.close());
  const receiver = async (): Promise<HookReceiver> => {
    const made = await openHookReceiver();
    t.teardown(() => made.close());
    return made;
  };
  const create = async (name: string, url: string, events = ['node-enrol']): Promise<WebhookMade> => {
    const body = { direction: 'out', name, url, events };
    return (await fleet.call<WebhookMade>('POST', '/v1/webhooks', { body })).body;
  };
  return { fleet, receiver, create };
}
const shown = async (fleet: ApiFleet, name: string) =>
  (await fleet.call<WebhookView[]>('GET', '/v1/webhooks')).body.find((each) => each.name === name);
const deliveries = async (fleet: ApiFleet, name: string) =>
  (await fleet.call<DeliveryView[]>('GET', `/v1/webhooks/${name}/deliveries`)).body;

t.test('an event comes signed, in the form that is written down', async (t) => {
  const { fleet, receiver, create } = await open(t);
  const there = await receiver();
  await fleet.enrol('before');
  const made = await create('pager', there.url);
  t.match(made, { secret: /^whsec_/, url: null, out: { url: there.url, waiting: 0, delivered: 0, last: null } });
  t.notMatch(JSON.stringify((await fleet.call('GET', '/v1/webhooks')).body), /whsec_/, 'the secret is in no list');
  await fleet.enrol('alice');
  const first = await until('the event', async () => there.received[0]);
  t.ok(isSigned(first, made.secret));
  t.notOk(isSigned({ ...first, body: `${first.body} ` }, made.secret), 'a changed body is seen');
  t.match(first.headers, { 'content-type': 'application/json', 'user-agent': /^blackroad-fleet\// });
  const seconds = Number(first.headers['webhook-timestamp']);
  t.ok(Math.abs(seconds - Date.now() / 1000) < 60);
  const body = JSON.parse(first.body);
  t.match(body, {
    type: 'node-enrol',
    timestamp: /^\d{4}-\d\d-\d\dT.*Z$/,
    data: { fleet: 'test', number: Number, severity: 'info', text: 'alice joined as pi', node: 'alice', agent: null },
  });
  t.match(first.headers['webhook-id'], new RegExp(`^${made.id}-${body.data.number}-[0-9a-z]+$`));
  await until('told', async () => (await shown(fleet, 'pager'))?.out?.delivered === 1);
  t.same(there.received.length, 1, 'nothing of before it was made, nothing twice');
  t.match(await shown(fleet, 'pager'), { out: { last: { ok: true, status: 204, event: 'node-enrol' }, waiting: 0 } });

  const second = (await fleet.call<WebhookMade>('POST', '/v1/webhooks/pager/rotate')).body;
  t.not(second.secret, made.secret);
  const tested = await fleet.call<WebhookOutcome>('POST', '/v1/webhooks/pager/test');
  t.match(tested.body, { ok: true, status: 204, text: 'answered 204' });
  const test = there.received[1];
  t.ok(test && isSigned(test, made.secret) && isSigned(test, second.secret), 'both secrets sign for a day');
  t.match(JSON.parse(test?.body ?? '{}'), { type: 'test' });
  const { body: figures } = await fleet.call<string>('GET', '/metrics');
  for (const line of [
    'blackroad_webhook_tries_total{outcome="delivered"} 1',
    'blackroad_webhook_given_up_total 0',
    'blackroad_webhook_waiting 0',
    'blackroad_triggers_total{outcome="fired"} 0',
  ])
    t.ok(figures.includes(line), line);
});

t.test('what a receiver may do wrong is tried again, and said in words', async (t) => {
  const { fleet, receiver, create } = await open(t);
  const there = await receiver();
  const elsewhere = await receiver();
  await create('pager', there.url);
  const wrong: [HookReceiver['answer'], RegExp][] = [
    [(response) => void response.writeHead(500).end('no'), /^answered 500$/],
    [
      (response) => void response.writeHead(307, { location: elsewhere.url }).end(),
      /^answered 307, a redirect, which is not followed$/,
    ],
    [(_response, request) => void request.socket.destroy(), /the connection was cut before an answer/],
  ];
  let count = 0;
  for (const [answer, words] of wrong) {
    there.answer = answer;
    await fleet.enrol(`n${count++}`);
    await until('it failed', async () =>
      (await deliveries(fleet, 'pager')).some(({ problem }) => words.test(problem ?? '')),
    );
  }
  t.same(elsewhere.received, [], 'a redirect is not followed');
  await until('each waits', async () => (await deliveries(fleet, 'pager')).length === wrong.length);
  there.answer = (response) => void response.writeHead(200).end('thank you');
  fleet.skip(8 * 3600_000);
  await until('all are there', async () => (await shown(fleet, 'pager'))?.out?.delivered === wrong.length);
  t.same(await deliveries(fleet, 'pager'), []);
  const ids = new Set(there.received.map(({ headers }) => headers['webhook-id']));
  t.equal(ids.size, wrong.length, 'each try under the id of the first');
});

t.test('after ten tries it is given up, seen, and tried again by hand', async (t) => {
  const { fleet, receiver, create } = await open(t);
  const there = await receiver();
  there.answer = (response) => void response.writeHead(503).end();
  await create('pager', there.url);
  await fleet.enrol('alice');
  const dead = await until('given up', async () => {
    fleet.skip(8 * 3600_000);
    const [one] = await deliveries(fleet, 'pager');
    return one?.state === 'dead' ? one : undefined;
  });
  t.match(dead, { tries: 10, nextMs: null, problem: 'answered 503', event: 'node-enrol', text: 'alice joined as pi' });
  t.equal(there.received.length, 10);
  t.match(await shown(fleet, 'pager'), { out: { dead: 1, waiting: 0, failingSinceMs: Number } });
  const alerts = async () =>
    (await fleet.call<Alert[]>('GET', '/v1/alerts')).body.filter(({ kind }) => kind === 'webhook-given-up');
  const [alert] = await until('the alert', async () => ((await alerts()).length > 0 ? await alerts() : undefined));
  t.match(alert, { title: 'Deliveries of the webhook pager are given up', text: /the last problem: answered 503\./ });
  t.equal(there.received.length, 10, 'the receiver is not told of it');
  there.answer = (response) => void response.writeHead(204).end();
  const replay = (body: object) => fleet.call('POST', '/v1/webhooks/pager/replay', { body });
  t.match(await replay({ ids: ['nothing'] }), { status: 400 });
  t.match(await replay({}), { status: 200, body: { replayed: 1 } });
  await until('it is there', async () => there.received.length === 11);
  t.equal(there.received[10]?.headers['webhook-id'], dead.id);
  await until('it is gone', async () => (await deliveries(fleet, 'pager')).length === 0);
  await until('the alert is over', async () => (await alerts()).length === 0);
  t.match(await shown(fleet, 'pager'), { out: { failingSinceMs: null } });
});

const audited = async (fleet: ApiFleet, action: string) =>
  (await fleet.call<AuditEntry[]>('GET', '/v1/audit?limit=1000')).body.filter((entry) => entry.action === action);

t.test('while it is paused events wait, and nothing is posted but a test', async (t) => {
  const { fleet, receiver, create } = await open(t);
  const there = await receiver();
  await create('pager', there.url);
  const put = (what: 'pause' | 'resume') => fleet.call<WebhookView>('POST', `/v1/webhooks/pager/${what}`);
  t.match(await put('pause'), { status: 200, body: { name: 'pager', paused: { atMs: Number, by: /^key:admin/ } } });
  t.equal((await put('pause')).status, 200);
  t.match(await audited(fleet, 'webhook-pause'), [{ subject: 'pager', text: 'out' }], 'the second changes nothing');
  for (const name of ['alice', 'bob']) await fleet.enrol(name);
  await until('both wait', async () => (await shown(fleet, 'pager'))?.out?.waiting === 2);
  t.match((await fleet.call('POST', '/v1/webhooks/pager/test')).body, { ok: true });
  // More than two beats, in which they would be posted.
  await new Promise((resolve) => systemClock.after(2_500, () => resolve(null)));
  const types = () => there.received.map(({ body }) => JSON.parse(body).type);
  t.same(types(), ['test']);
  t.match(await deliveries(fleet, 'pager'), [{ tries: 0 }, { tries: 0 }]);
  t.match(await put('resume'), { status: 200, body: { paused: null } });
  await until('both are there', async () => (await shown(fleet, 'pager'))?.out?.delivered === 2);
  t.same(types(), ['test', 'node-enrol', 'node-enrol']);
  t.match(
    there.received.slice(1).map(({ body }) => JSON.parse(body).data.node),
    ['alice', 'bob'],
    'oldest first',
  );
  t.match(await audited(fleet, 'webhook-resume'), [{ subject: 'pager', text: 'out' }]);
});

t.test('another address gets what waits at once, signed with the same secret; other events from then on', async (t) => {
  const { fleet, receiver, create } = await open(t);
  const [broken, works] = [await receiver(), await receiver()];
  broken.answer = (response) => void response.writeHead(500, { 'retry-after': '3600' }).end();
  const made = await create('pager', broken.url);
  await fleet.enrol('alice');
  await until('it failed', async () => (await deliveries(fleet, 'pager'))[0]?.tries === 1);
  const put = (body: object) => fleet.call<WebhookView>('PUT', '/v1/webhooks/pager', { body });
  t.match(await put({ url: works.url }), { status: 200, body: { out: { url: works.url, events: ['node-enrol'] } } });
  await until('it is there', async () => (await shown(fleet, 'pager'))?.out?.delivered === 1);
  const [first] = works.received;
  t.ok(first && isSigned(first, made.secret));
  t.equal(first?.headers['webhook-id'], broken.received[0]?.headers['webhook-id'], 'under its id');
  t.equal(broken.received.length, 1, 'the old address is not called any more');
  t.match(await put({ events: ['node-forgotten', 'node-forgotten'] }), {
    body: { out: { events: ['node-forgotten'] } },
  });
  await fleet.enrol('bob');
  await fleet.call('DELETE', '/v1/nodes/bob');
  await until('the other event', async () => works.received.length === 2);
  t.equal(JSON.parse(works.received[1]?.body ?? '{}').type, 'node-forgotten', 'bob joined unnoticed');
  t.match(await audited(fleet, 'webhook-change'), [{ text: 'node-forgotten' }, { text: `to ${works.url}` }]);
});

t.test('a change is judged as a new webhook is', async (t) => {
  const { fleet, create } = await open(t, { webhookHosts: 'public' });
  const made = await create('pager', 'https://example.org/');
  t.equal(made.name, 'pager');
  await fleet.call('POST', '/v1/webhooks', { body: { direction: 'in', name: 'bell' } });
  const said = async (name: string, body: object) => {
    const { status, detail } = await fleet.problem('PUT', `/v1/webhooks/${name}`, { body });
    return `${status} ${detail}`;
  };
  t.match(await said('pager', {}), /^400 body: /);
  t.match(await said('pager', { url: 'http://127.0.0.1/' }), /^400 body: url: expected another address/);
  t.match(await said('pager', { url: 'nowhere' }), /^400 body: url: expected an address such as/);
  t.match(await said('pager', { events: [] }), /^400 body: events: /);
  t.match(
    await said('pager', { events: ['node-lots'] }),
    /^400 body: events\.0: expected one of \d+ values \(did you mean node-lost or node-class\?\), got "node-lots"$/,
  );
  t.match(
    await said('pager', { events: ['node-lost', 'webhook-given-up'] }),
    /^400 body: events\.1: expected no event of webhooks, got "webhook-given-up"$/,
    'it would be told of its own failure',
  );
  t.match(await said('pager', { name: 'other' }), /^400 body: name: expected no field of that name/);
  t.match(await said('bell', { url: 'https://example.net/' }), /^409 The webhook bell comes in/);
  t.match(await said('none', { url: 'https://example.net/' }), /^404 There is no webhook "none"/);
  t.match(await shown(fleet, 'pager'), { out: { url: 'https://example.org/', events: ['node-enrol'] } });
});

t.test('one that hangs holds no other, and is cut', async (t) => {
  const { fleet, receiver, create } = await open(t);
  const [hangs, works] = [await receiver(), await receiver()];
  hangs.answer = () => {};
  await create('hangs', hangs.url);
  await create('works', works.url);
  const sinceMs = systemClock.monotonicMs();
  await fleet.enrol('alice');
  await fleet.enrol('bob');
  await until('the other has both', async () => works.received.length === 2);
  t.ok(systemClock.monotonicMs() - sinceMs < 9_000, 'before the first is given up');
  t.equal(hangs.received.length, 1, 'one at a time');
  await until(
    'it is cut',
    async () => (await shown(fleet, 'hangs'))?.out?.last?.text.includes('did not answer within 10 s'),
    15_000,
  );
});

/** A store that fails when a delivery is queued for the first time, and when one is told to be there. */
async function failingStore(): Promise<{ store: Store; failed: string[] }> {
  const inner = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  const failed: string[] = [];
  const store: Store = Object.assign(Object.create(inner), {
    async commit(changes: readonly DurableChange[], term: number) {
      const kind = changes.find(({ type }) => type === 'delivery' || type === 'delivery-gone')?.type;
      if (kind !== undefined && !failed.includes(kind)) {
        failed.push(kind);
        throw new FleetError('storage-failed', { detail: 'disk full', retryAfterSeconds: 1 });
      }
      return inner.commit(changes, term);
    },
  });
  return { store, failed };
}

t.test('an event that is not queued yet is left out where its type was taken out meanwhile', async (t) => {
  const { store, failed } = await failingStore();
  const { fleet, receiver, create } = await open(t, { store });
  const there = await receiver();
  await create('pager', there.url, ['node-enrol', 'node-forgotten']);
  // A beat later it has what happened before, and notes what happens.
  await new Promise((resolve) => systemClock.after(2_000, () => resolve(null)));
  await fleet.enrol('alice');
  await until('it is not queued', async () => failed.length === 1);
  const body = { events: ['node-forgotten'] };
  await until('changed', async () => (await fleet.call('PUT', '/v1/webhooks/pager', { body })).status === 200);
  await fleet.call('DELETE', '/v1/nodes/alice');
  await until('the other', async () => there.received.length > 0, 60_000);
  t.equal(JSON.parse(there.received[0]?.body ?? '{}').type, 'node-forgotten');
});

t.test('while the store takes nothing an event waits, and is delivered once it does', async (t) => {
  const { store, failed } = await failingStore();
  const { fleet, receiver, create } = await open(t, { store });
  const there = await receiver();
  await create('pager', there.url);
  await fleet.enrol('alice');
  await until('it is told', async () => (await shown(fleet, 'pager'))?.out?.delivered === 1, 60_000);
  t.same(failed, ['delivery', 'delivery-gone']);
  const ids = new Set(there.received.map(({ headers }) => headers['webhook-id']));
  t.same([there.received.length, ids.size], [2, 1], 'what was not told is posted again, under its id');
});

t.test('addresses that are not allowed are refused at the door, with a sentence', async (t) => {
  const said = async (webhookHosts: 'public' | 'private', url: string) => {
    const { fleet } = await open(t, { webhookHosts });
    const body = { direction: 'out', name: 'x', url, events: ['node-lost'] };
    const { status, body: answer } = await fleet.call<{ detail: string }>('POST', '/v1/webhooks', { body });
    return `${status} ${answer.detail ?? ''}`;
  };
  t.match(
    await said('public', 'http://127.0.0.1:1/'),
    /^400 body: url: expected another address \(127\.0\.0\.1: it is the machine of the coordinator itself; --webhook-hosts local/,
  );
  t.match(await said('public', 'http://192.168.1.7/'), /private network; --webhook-hosts private allows those/);
  t.match(await said('private', 'http://169.254.169.254/latest'), /never posted to link-local/);
  t.match(await said('private', 'http://localhost:9/'), /the machine of the coordinator itself/, 'by name');
  t.match(await said('public', 'ftp://example.org/'), /begins with https/);
  t.match(
    await said('public', 'not one'),
    /^400 body: url: expected an address such as https:\/\/example\.org\/hook, got "not one"$/,
  );
  t.match(await said('public', 'https://me:secret@example.org/'), /without a name or a password/);
  t.match(await said('private', 'http://192.168.1.7/'), /^201 /);
});
