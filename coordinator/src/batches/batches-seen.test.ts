// Batches as people see them: their own and, with the permission, those of others, without what they ask and answer; an end to them; and
// what a batch that asks an agent leaves to people.
import type { AuditEntry, BatchView, TaskLease } from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, type FakeWork, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { until } from '../../../test/fixtures/until.ts';

const line = (id: string, model = 'm') =>
  JSON.stringify({
    custom_id: id,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { model, messages: [{ role: 'user', content: id }] },
  });
async function begin(fleet: ApiFleet, text: string, key = fleet.keys.admin): Promise<string> {
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([text]), 'requests.jsonl');
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${fleet.base}/v1/files`, { method: 'POST', headers, body: form });
  const { id: input_file_id } = (await response.json()) as { id: string };
  const body = { input_file_id, endpoint: '/v1/chat/completions', completion_window: '24h' };
  return (await fleet.call<{ id: string }>('POST', '/v1/batches', { key, body })).body.id;
}
const seen = async (fleet: ApiFleet, key = fleet.keys.admin) =>
  (await fleet.call<BatchView[]>('GET', '/v1/fleet/batches', { key })).body;
const models = [modelOf('m', { resident: true, slots: 4 })];

t.test('everybody sees their own; who may end tasks sees all, without what they ask and answer', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const held: ModelWork[] = [];
  await nodeWith(fleet, 'alice', models, (work) => {
    if (work.request.messages?.[0]?.content === 'slow') held.push(work);
    else if (work.request.messages?.[0]?.content === 'long') work.fail('too-long');
    else {
      work.say('yes');
      work.end();
    }
  });
  const { client, admin } = fleet.keys;
  const own = await begin(fleet, 'not json', admin);
  const theirs = await begin(fleet, [line('a'), line('long'), line('slow')].join('\n'), client);
  await until(() => held.length === 1);
  for (;;) if ((await seen(fleet, client))[0]?.completed === 1) break;
  t.match(await seen(fleet, client), [
    {
      ...{ id: theirs, key: 'client', own: true, file: 'requests.jsonl', state: 'in_progress' },
      ...{
        total: 3,
        completed: 1,
        failed: 1,
        endedMs: null,
        answersFile: null,
        errorsFile: null,
        faults: { length: 0 },
      },
    },
  ]);
  const all = await seen(fleet);
  t.same(
    all.map(({ id }) => id),
    [theirs, own],
    'newest first',
  );
  t.match(all[0], { key: 'client', own: false, file: null, total: 3, completed: 1 });
  t.match(all[1], { own: true, state: 'failed', faults: [{ line: 1, message: /not JSON/ }] });

  t.match(await fleet.problem('POST', `/v1/fleet/batches/${own}/cancel`, { key: client }), { code: 'no-such-batch' });
  t.match(await fleet.problem('GET', `/v1/fleet/batches/${own}`, { key: client }), { code: 'no-such-batch' });
  t.match(await fleet.call('GET', `/v1/fleet/batches/${theirs}`), { status: 200, body: { own: false, completed: 1 } });
  t.match(await fleet.call('POST', `/v1/fleet/batches/${theirs}/cancel`), { status: 200, body: { own: false } });
  await until(() => fleet.context.batches.open === 0);
  const [ended] = await seen(fleet, client);
  t.match(ended, { state: 'cancelled', answersFile: /^file-/, errorsFile: /^file-/ });
  t.match((await seen(fleet))[0], { state: 'cancelled', answersFile: null, errorsFile: null });
  const { body: audit } = await fleet.call<AuditEntry[]>('GET', '/v1/audit');
  t.match(audit[0], { action: 'batch-cancel', subject: theirs, text: 'of client' });
  t.match(await fleet.problem('POST', `/v1/fleet/batches/${theirs}/cancel`), {
    code: 'conflict',
    detail: /cancelled already/,
  });
});

t.test('a console signed in with a key has the batches of that key', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const id = await begin(fleet, line('a', 'nobody'));
  const signIn = await fetch(`${fleet.base}/v1/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-blackroad': '1', origin: fleet.base },
    body: JSON.stringify({ code: fleet.keys.admin }),
  });
  const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const answer = await fetch(`${fleet.base}/v1/batches`, { headers: { cookie } });
  t.match(await answer.json(), { data: [{ id }] });
});

t.test('a batch that asks an agent submits one task at a time, behind those of people', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const node = await fleet.node('alice');
  await fleet.call('PUT', '/v1/agents/echo', { body: { name: 'echo', model: ['auto'], instructions: 'Echo.' } });
  await until(() => fleet.agent('echo')?.placement != null);
  const leases: { lease: TaskLease; work: FakeWork }[] = [];
  node.onLease = (lease, work) => void leases.push({ lease, work });
  await begin(fleet, [line('a', 'agent/echo'), line('b', 'agent/echo'), line('c', 'agent/echo')].join('\n'));
  await until(() => leases.length === 1);
  await fleet.call('POST', '/v1/agents/echo/tasks', { body: { prompt: 'person' } });
  const { view } = fleet.coordinator;
  t.equal(view.tasks.size, 2, 'the queue of the agent has nothing of the batch in it');
  const order: string[] = [];
  for (let at = 0; at < 4; at++) {
    await until(() => leases.length > at);
    const { lease, work } = leases[at] as (typeof leases)[number];
    order.push(lease.prompt);
    t.ok(view.tasks.size <= 2);
    work.end('ok');
  }
  t.equal(order[1], 'person', 'the task of the batch that was at work is done first, and no other before the person');
  t.same([...order].sort(), ['a', 'b', 'c', 'person']);
  await until(() => fleet.context.batches.open === 0);
  t.match(await seen(fleet), [{ state: 'completed', completed: 3 }]);
});
