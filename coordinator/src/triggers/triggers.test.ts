// Triggers that the coordinator runs, with a real coordinator and its API: a call of a webhook, a message, an event. What each asks, what is
// refused, and what people see of it.
import { createHmac } from 'node:crypto';
import type { TaskView, TriggerView, WebhookCalled, WebhookMade, WebhookView } from '@blackroad/protocol';
import t, { type Test } from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/processes.ts';

const spec = { model: ['auto'], instructions: 'Be brief.' };
async function open(t: Test, agents: Record<string, object[]>) {
  const fleet = await openApiFleet({ limits: { refusalsPerMinute: 1000 } });
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  alice.onLease = (lease, { end }) => end(`answer to ${lease.prompt.split('\n')[0]}`);
  for (const [name, triggers] of Object.entries(agents)) await apply(fleet, name, triggers);
  return { fleet, alice };
}
async function apply(fleet: ApiFleet, name: string, triggers: object[]) {
  const { status, body } = await fleet.call('PUT', `/v1/agents/${name}`, { body: { ...spec, name, triggers } });
  if (status > 201) throw new Error(JSON.stringify(body));
}
const create = async (fleet: ApiFleet, name: string) =>
  (await fleet.call<WebhookMade>('POST', '/v1/webhooks', { body: { direction: 'in', name } })).body;
const tasksOf = async (fleet: ApiFleet, agent: string) =>
  (await fleet.call<TaskView[]>('GET', `/v1/tasks?agent=${agent}&limit=100`)).body;
const standOf = async (fleet: ApiFleet, agent: string) =>
  (await fleet.call<TriggerView[]>('GET', `/v1/agents/${agent}/triggers`)).body;
const post = (fleet: ApiFleet, path: string, body?: string, headers: Record<string, string> = {}) =>
  fetch(fleet.base + path, { method: 'POST', headers, ...(body === undefined ? {} : { body }) });

t.test('a call of a webhook asks the agents that wait for it', async (t) => {
  const { fleet } = await open(t, {
    porter: [{ webhook: 'doorbell', prompt: 'The bell says: {{payload}}' }],
    other: [{ webhook: 'elsewhere', prompt: 'x' }],
  });
  const made = await create(fleet, 'doorbell');
  t.match(made, { direction: 'in', secret: /^[0-9a-f]{48}$/, in: { path: '/hooks/doorbell', agents: ['porter'] } });
  t.ok(made.url?.endsWith(`/hooks/doorbell/${made.secret}`));
  const path = `/hooks/doorbell/${made.secret}`;

  const answer = await post(fleet, path, '{"button": 1}', { 'content-type': 'application/json' });
  t.equal(answer.status, 202);
  const { tasks } = (await answer.json()) as WebhookCalled;
  t.match(tasks, [{ agent: 'porter' }]);
  const [task] = await tasksOf(fleet, 'porter');
  t.match(task, {
    id: tasks[0]?.task,
    origin: 'trigger',
    by: { kind: 'coordinator', id: null, name: 'trigger webhook doorbell of porter' },
    prompt: /^The bell says: \n> \{"button": 1\}\n\n\(Lines that begin with >/,
  });
  t.same(await tasksOf(fleet, 'other'), []);

  await t.test('in any form, and with the secret in a header', async (t) => {
    const header = { authorization: `Bearer ${made.secret}` };
    t.equal(
      (await post(fleet, '/hooks/doorbell', 'a=1', { ...header, 'content-type': 'application/x-www-form-urlencoded' }))
        .status,
      202,
    );
    t.equal((await post(fleet, '/hooks/doorbell', undefined, header)).status, 202, 'without a body');
    t.equal((await post(fleet, path, 'ON', { 'content-type': 'x/y' })).status, 202);
    t.equal((await post(fleet, path, 'x'.repeat(64 * 1024 + 1), { 'content-type': 'text/plain' })).status, 413);
    t.equal(
      (await post(fleet, path, 'x', { origin: 'https://evil.example' })).status,
      403,
      'no page of another origin',
    );
  });
  await t.test('with its answer, where the caller waits', async (t) => {
    const said = await post(fleet, `${path}?wait=20`, 'Who?', { 'content-type': 'text/plain' });
    t.equal(said.status, 200);
    t.match(await said.json(), { answer: { agent: 'porter', ok: true, text: 'answer to The bell says: ' } });
    t.equal((await post(fleet, `${path}?wait=999`)).status, 400);
  });
  await t.test('a call that comes twice is one', async (t) => {
    const before = (await tasksOf(fleet, 'porter')).length;
    const twice = [0, 1].map(() => post(fleet, path, 'x', { 'idempotency-key': 'k-1', 'content-type': 'text/plain' }));
    const [one, other] = await Promise.all(
      (await Promise.all(twice)).map((each) => each.json() as Promise<WebhookCalled>),
    );
    t.same(one?.tasks, other?.tasks);
    t.equal((await tasksOf(fleet, 'porter')).length, before + 1);
  });
  await t.test('a wrong secret learns the same as a wrong name', async (t) => {
    const wrong = await Promise.all(
      [
        `/hooks/doorbell/${'0'.repeat(48)}`,
        `/hooks/nothing/${made.secret}`,
        '/hooks/doorbell/x',
        '/hooks/doorbell',
      ].map(async (at) => {
        const answer = await post(fleet, at);
        return { status: answer.status, body: await answer.json() };
      }),
    );
    for (const each of wrong) t.same(each, wrong[0]);
    t.match(wrong[0], { status: 404, body: { detail: 'There is no webhook at this address.' } });
  });
  await t.test('another secret, and the old address is none', async (t) => {
    const next = (await fleet.call<WebhookMade>('POST', '/v1/webhooks/doorbell/rotate')).body;
    t.equal((await post(fleet, path)).status, 404);
    t.equal((await post(fleet, `/hooks/doorbell/${next.secret}`)).status, 202);
    t.notMatch(JSON.stringify((await fleet.call('GET', '/v1/webhooks')).body), new RegExp(next.secret));
  });
  await t.test('a body that is signed, as GitHub does, needs no secret in the address', async (t) => {
    const body = { direction: 'in', name: 'github', signed: true };
    const { secret } = (await fleet.call<WebhookMade>('POST', '/v1/webhooks', { body })).body;
    await apply(fleet, 'reviewer', [{ webhook: 'github', prompt: 'Pushed: {{payload}}' }]);
    const push = '{"ref": "refs/heads/main"}';
    const sign = (key: string) => `sha256=${createHmac('sha256', key).update(push).digest('hex')}`;
    const call = (at: string, signature: string, text = push) =>
      post(fleet, at, text, { 'x-hub-signature-256': signature, 'content-type': 'application/json' });
    t.equal((await call('/hooks/github', sign(secret))).status, 202);
    t.equal((await call('/hooks/github', sign('another'))).status, 404);
    t.equal((await call('/hooks/github', sign(secret), `${push} `)).status, 404);
    t.equal((await call('/hooks/doorbell', sign('0'.repeat(64)))).status, 404, 'one that is not for signatures');
    t.equal((await post(fleet, `/hooks/github/${secret}`)).status, 202);
  });
  await t.test('one that is paused says so to who knows the secret, and to nobody else', async (t) => {
    const door = await create(fleet, 'pausing');
    await apply(fleet, 'sleeper', [{ webhook: 'pausing', prompt: 'x' }]);
    await fleet.call('POST', '/v1/webhooks/pausing/pause');
    const refused = await post(fleet, `/hooks/pausing/${door.secret}`);
    t.equal(refused.status, 503);
    t.match(await refused.json(), {
      code: 'webhook-paused',
      detail: 'The webhook pausing is paused, and wakes nobody.',
    });
    const [wrong, none] = await Promise.all(
      ['/hooks/pausing/wrong', '/hooks/none/wrong'].map(async (at) => {
        const answer = await post(fleet, at);
        return { status: answer.status, body: await answer.json() };
      }),
    );
    t.same(wrong, none, 'a stranger does not learn that there is one');
    t.same(await tasksOf(fleet, 'sleeper'), []);
    const stand = async () =>
      (await fleet.call<WebhookView[]>('GET', '/v1/webhooks')).body.find(({ name }) => name === 'pausing');
    t.match(await stand(), { paused: { by: /^key:/ }, in: { taken: 0, refused: 1 } });
    await fleet.call('POST', '/v1/webhooks/pausing/resume');
    t.equal((await post(fleet, `/hooks/pausing/${door.secret}`)).status, 202);
    t.match(await stand(), { paused: null, in: { taken: 1, refused: 1 } });
  });
  await t.test('one that wakes nobody says so, and too many calls are refused', async (t) => {
    const lonely = await create(fleet, 'lonely');
    const answer = await post(fleet, `/hooks/lonely/${lonely.secret}`);
    t.equal(answer.status, 409);
    t.match(await answer.json(), { detail: 'No agent has a trigger for the webhook lonely.' });
    const many = await Promise.all(Array.from({ length: 61 }, () => post(fleet, `/hooks/lonely/${lonely.secret}`)));
    t.ok(many.some(({ status }) => status === 429));
    const shown = (await fleet.call<WebhookView[]>('GET', '/v1/webhooks')).body;
    t.ok((shown.find(({ name }) => name === 'lonely')?.in?.refused ?? 0) >= 59);
  });
});

t.test('a message below in/ asks, rests, and asks again', async (t) => {
  const { fleet } = await open(t, {
    hall: [{ topic: 'hall/+', contains: 'ON', restSeconds: 30, prompt: '{{topic}}: {{payload}}' }],
  });
  const arrive = (topic: string, text: string, more = {}) =>
    fleet.arrive({ topic: `blackroad/v1/in/${topic}`, payload: Buffer.from(text), retained: false, ...more });
  arrive('hall/motion', 'OFF');
  arrive('cellar/motion', 'ON');
  arrive('hall/motion', 'ON', { retained: true });
  arrive('hall/motion', 'ON', { refused: 'no right' });
  arrive('hall/motion', `ON${'x'.repeat(64 * 1024)}`);
  arrive('hall/motion', 'ON');
  const task = await until('it is asked', async () => (await tasksOf(fleet, 'hall'))[0]);
  t.match(task, { prompt: /^hall\/motion: \n> ON\n/, by: { name: 'trigger topic hall/+ of hall' }, origin: 'trigger' });
  arrive('hall/light', 'ON');
  await until('it rests', async () => (await standOf(fleet, 'hall'))[0]?.rested === 1);
  t.match(await standOf(fleet, 'hall'), [{ at: 0, fired: 1, rested: 1, refused: 0, problem: null, lastMs: Number }]);
  t.equal((await tasksOf(fleet, 'hall')).length, 1);
  fleet.skip(31_000);
  arrive('hall/light', 'ON');
  await until('it is asked again', async () => (await tasksOf(fleet, 'hall')).length === 2);
  await apply(fleet, 'hall', []);
  arrive('hall/light', 'ON');
  t.same(await standOf(fleet, 'hall'), []);
});

t.test('an event of the fleet asks', async (t) => {
  const { fleet } = await open(t, {
    any: [{ event: 'node-enrol', prompt: '{{event}} {{node}}: {{payload}}' }],
    bobs: [{ event: 'node-enrol', node: 'bob', prompt: 'Bob.' }],
  });
  await fleet.enrol('carol');
  const task = await until('it is asked', async () => (await tasksOf(fleet, 'any'))[0]);
  t.match(task?.prompt, /^node-enrol carol: \n> carol joined as pi\n/);
  t.same(await tasksOf(fleet, 'bobs'), []);
  await fleet.enrol('bob');
  await until('and of its node', async () => (await tasksOf(fleet, 'bobs')).length === 1);
  t.equal((await tasksOf(fleet, 'any')).length, 1, 'the other rests a minute');
});

t.test('what cannot be asked is counted and said', async (t) => {
  const { fleet, alice } = await open(t, {});
  alice.onLease = () => {};
  const triggers = [{ webhook: 'busy', prompt: 'x' }];
  await fleet.call('PUT', '/v1/agents/busy', { body: { ...spec, name: 'busy', queue: 1, triggers } });
  const { secret } = await create(fleet, 'busy');
  await until('it is full', async () => {
    const { refused } = (await (await post(fleet, `/hooks/busy/${secret}`)).json()) as WebhookCalled;
    return refused.some(({ agent, text }) => agent === 'busy' && /queue|wait/i.test(text));
  });
  t.match(await standOf(fleet, 'busy'), [{ refused: 1, problem: /.+/ }]);
});

t.test('what a trigger asks counts in the budget of its agent', async (t) => {
  const { fleet, alice } = await open(t, {});
  const spent = { model: 'tiny', promptTokens: 30, completionTokens: 30 };
  const usage = { ...spent, recalled: 0, toolCalls: 0, firstTokenMs: 1, totalMs: 2 };
  alice.onLease = (_lease, { end }) => end('done', { usage });
  const triggers = [{ webhook: 'dear', prompt: 'x' }];
  const budget = { tokens: 50, per: 'total' };
  await fleet.call('PUT', '/v1/agents/dear', { body: { ...spec, name: 'dear', budget, triggers } });
  const { secret } = await create(fleet, 'dear');
  const call = async () => (await (await post(fleet, `/hooks/dear/${secret}?wait=20`)).json()) as WebhookCalled;
  t.match(await call(), { answer: { ok: true } });
  t.match(await call(), { tasks: { length: 0 }, refused: [{ agent: 'dear', text: /budget/ }] });
});
