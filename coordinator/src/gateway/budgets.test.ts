// Budgets before the gateway's real HTTP API: who may pay, what is refused in each dialect's own form, what is counted, and that requests
// at the same moment do not take the same rest of a budget.
import { copyFileSync } from 'node:fs';
import type { Budget, BudgetRow, KeyView } from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith, usage } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { until } from '../../../test/fixtures/until.ts';

const chat = modelOf('m', { resident: true, slots: 50, contextTokens: 0 });

const ends = ({ part }: ModelWork, promptTokens: number, completionTokens: number) =>
  part({
    events: [{ text: 'Hello' }],
    end: { reason: 'stop', usage: { ...usage, promptTokens, completionTokens } },
  });
/** A node with the model `m`; `price`: US dollars a million tokens. */
const nodeAt = async (fleet: ApiFleet, id: string, price: number, work: (work: ModelWork) => void, models = [chat]) =>
  (await nodeWith(fleet, id, models, work, price > 0 ? { pricePerMillionTokens: price } : {})).node;
const opened = async (test: { teardown(run: () => unknown): unknown }, path?: string) => {
  const fleet = await openApiFleet(path === undefined ? {} : { path });
  test.teardown(() => fleet.close());
  return fleet;
};
let names = 0;
async function keyWith(fleet: ApiFleet, budget?: Budget) {
  const body = { name: `guest${++names}`, role: 'client', ...(budget ? { budget } : {}) };
  const made = await fleet.call<KeyView & { key: string }>('POST', '/v1/keys', { body });
  return made.body;
}
const message = (content = 'Hi') => ({ model: 'm', messages: [{ role: 'user', content }] });
const ask = (fleet: ApiFleet, key: string, given: object = {}) =>
  fleet.call<{ error?: { message: string; code: string } }>('POST', '/v1/chat/completions', {
    key,
    body: { ...message(), ...given },
  });
const spent = (fleet: ApiFleet, id: string) => fleet.coordinator.view.spending.get(`key:${id}`);
const settled = (fleet: ApiFleet) => until(() => fleet.coordinator.view.reservations.size === 0);

t.test('a key without money never pays; one with money pays, and is counted', async (t) => {
  const fleet = await opened(t);
  let reserved: unknown = null;
  await nodeAt(fleet, 'cloud', 100, (work) => {
    reserved = { ...[...fleet.coordinator.view.reservations.values()][0], maxTokens: work.request.maxTokens };
    ends(work, 1_000, 500);
  });
  const poor = await keyWith(fleet);
  t.match(await ask(fleet, poor.key), {
    status: 403,
    body: {
      error: { message: /^m on cloud: costs \$100 a million tokens, and the key guest\d has no budget of money\.$/ },
    },
  });
  const rich = await keyWith(fleet, { usd: 10, per: 'month' });
  const answer = await ask(fleet, rich.key);
  t.equal(answer.status, 200);
  t.match(answer.headers.get('x-fleet-route'), /m on cloud: costs \$100 a million tokens; no free machine can answer/);
  t.match(reserved, { maxTokens: 8192, accounts: [`key:${rich.id}`] }, 'an answer without a limit gets one');
  await settled(fleet);
  t.match(spent(fleet, rich.id), { usd: 0.15, tokens: 1500 });
  await ask(fleet, rich.key, { max_tokens: 9 });
  t.match(reserved, { maxTokens: 9 }, 'its own limit stays');
});

t.test('free machines first, also for who may pay', async (t) => {
  const fleet = await opened(t);
  await nodeAt(fleet, 'cloud', 3, (work) => ends(work, 1, 1));
  const free = await nodeAt(fleet, 'pi', 0, (work) => ends(work, 1, 1));
  const { key, id } = await keyWith(fleet, { usd: 10, per: 'month' });
  t.equal((await ask(fleet, key)).headers.get('x-fleet-node'), 'pi');
  t.match(spent(fleet, id), { usd: 0 });
  free.say('nodeState', {}, { state: 'offline', boot: fleet.coordinator.view.live.get('pi')?.helloBoot ?? '' });
  await until(() => fleet.coordinator.view.nodes.get('pi')?.presence !== 'online');
  const paid = await ask(fleet, key);
  t.equal(paid.headers.get('x-fleet-node'), 'cloud');
  t.match(paid.headers.get('x-fleet-route'), /no free machine can answer \(pi: it is suspect/);
  const explained = await fleet.call('POST', '/v1/route', { key, body: { model: 'm' } });
  t.match(explained.body, { chosen: { node: 'cloud' }, why: /costs \$3 a million tokens/ });
  const body = { model: 'm', key: id };
  t.match((await fleet.call('POST', '/v1/route', { body })).body, { chosen: { node: 'cloud' } }, 'as that key');
  t.match((await fleet.call('POST', '/v1/route', { body: { model: 'm' } })).body, {
    chosen: null,
    problem: /the key admin has no budget of money/,
  });
  t.equal((await fleet.problem('POST', '/v1/route', { body: { model: 'm', key: 'nobody' } })).code, 'no-such-key');
  t.equal((await fleet.call('POST', '/v1/route', { key, body })).status, 403);
});

t.test('used up: each API in its own form, free machines still answer, and nothing is tried again', async (t) => {
  const fleet = await opened(t);
  const dear = modelOf('dear', { slots: 9, resident: true });
  await nodeAt(fleet, 'cloud', 1_000_000, (work) => ends(work, 1, 1), [dear]);
  await nodeAt(fleet, 'pi', 0, (work) => ends(work, 1, 1));
  const { key, id } = await keyWith(fleet, { usd: 1, per: 'month' });
  t.equal((await ask(fleet, key, { model: 'dear', max_tokens: 1 })).status, 200);
  await settled(fleet);
  t.match(spent(fleet, id), { usd: 2 });
  const words = /budget of the key guest\d+ for \w+ is used up: \$2 of \$1 used; renewed on 1 \w+\.$/;
  const openai = await ask(fleet, key, { model: 'dear' });
  t.match(openai, {
    status: 429,
    body: { error: { type: 'insufficient_quota', code: 'insufficient_quota', message: words } },
  });
  t.equal(openai.headers.get('x-should-retry'), 'false');
  t.equal(openai.headers.get('retry-after'), null);
  const anthropic = { ...message(), model: 'dear', max_tokens: 5 };
  t.match(await fleet.call('POST', '/v1/messages', { key, body: anthropic }), {
    status: 400,
    body: { type: 'error', error: { type: 'invalid_request_error', message: words } },
  });
  t.match(await fleet.call('POST', '/api/chat', { key, body: { ...message(), model: 'dear' } }), {
    status: 429,
    body: { error: words },
  });
  t.equal((await ask(fleet, key)).status, 200, 'what costs nothing is answered');
  t.equal((await ask(fleet, key, { model: 'dear,m' })).headers.get('x-fleet-node'), 'pi', 'the next of a list');
});

t.test('a limit of tokens stops free machines, too', async (t) => {
  const fleet = await opened(t);
  await nodeAt(fleet, 'pi', 0, (work) => ends(work, 60, 50));
  const { key, id } = await keyWith(fleet, { tokens: 100, per: 'day' });
  t.equal((await ask(fleet, key)).status, 200);
  await settled(fleet);
  t.match(spent(fleet, id), { tokens: 110 });
  t.match(await ask(fleet, key), {
    status: 429,
    body: {
      error: { code: 'insufficient_quota', message: /is used up: 110 of 100 tokens used; renewed on \d+ \w+\.$/ },
    },
  });
});

t.test('twenty requests at the border: what is let in fits the budget, but for the last', async (t) => {
  const fleet = await opened(t);
  const works: ModelWork[] = [];
  await nodeAt(fleet, 'cloud', 1_000, (work) => works.push(work));
  const { key, id } = await keyWith(fleet, { usd: 1, per: 'total' });
  // Each may cost about $0.3: four fit, as something is left for the fourth.
  const answers = Array.from({ length: 20 }, () => ask(fleet, key, { max_tokens: 290 }));
  await until(() => works.length === 4);
  const refused = await Promise.race(answers);
  t.match(refused, {
    status: 429,
    body: {
      error: {
        code: 'rate_limit_exceeded',
        message: /of the budget .* is reserved for \d requests and tasks under way/,
      },
    },
  });
  t.equal(refused.headers.get('retry-after'), '2', 'it may be tried again');
  for (const work of works) ends(work, 6, 290);
  const all = await Promise.all(answers);
  t.same(all.map(({ status }) => status).sort(), [...Array(4).fill(200), ...Array(16).fill(429)]);
  await settled(fleet);
  t.equal(works.length, 4);
  t.match(spent(fleet, id)?.usd.toFixed(6), (4 * 0.296).toFixed(6));
});

t.test('what breaks off is counted by what was heard, and in the usage', async (t) => {
  const fleet = await opened(t);
  await nodeAt(fleet, 'cloud', 1_000, ({ part }) => {
    part({ events: [{ text: 'x'.repeat(350) }] });
    part({ end: { problem: { code: 'unavailable', text: 'it broke' } } });
  });
  const { key, id } = await keyWith(fleet, { usd: 1, per: 'total' });
  t.equal((await ask(fleet, key)).status, 502);
  await settled(fleet);
  const { tokens = 0, usd = 0 } = spent(fleet, id) ?? {};
  t.equal(tokens, 106, 'about 100 of the answer, and the prompt');
  t.equal(usd.toFixed(3), '0.106');
  await fleet.context.recorder.flush();
  t.match((await fleet.call('GET', '/v1/usage?by=key')).body, { total: { completionTokens: 100, costUsd: 0.106 } });
});

t.test('what fails before its first piece, and what nobody was asked, costs nothing', async (t) => {
  const fleet = await opened(t);
  await nodeAt(fleet, 'cloud', 1_000, ({ part }) => part({ end: { problem: { code: 'bad-request', text: 'no' } } }));
  const { key, id } = await keyWith(fleet, { usd: 1, per: 'total' });
  t.equal((await ask(fleet, key)).status, 400);
  await settled(fleet);
  t.match(spent(fleet, id), { usd: 0, tokens: 0 });
});

t.test('after a crash nothing stays reserved, and what was under way at a price counts as reserved', async (t) => {
  const path = `${t.testdir({})}/fleet.sqlite`;
  const fleet = await opened(t, path);
  let asked = 0;
  await nodeAt(fleet, 'cloud', 1_000, () => {
    asked++;
  });
  const { key, id } = await keyWith(fleet, { usd: 1, per: 'total' });
  const answer = ask(fleet, key, { max_tokens: 94 }).catch(() => null);
  await until(() => asked === 1);
  t.equal(fleet.coordinator.view.reservations.size, 1);
  // What is stored at this moment, as a crash would leave it.
  const left = `${t.testdirName}/after.sqlite`;
  for (const end of ['', '-wal']) copyFileSync(path + end, left + end);
  const after = await openApiFleet({ path: left });
  t.teardown(() => after.close());
  t.equal(after.coordinator.view.reservations.size, 0);
  t.match(after.coordinator.view.spending.get(`key:${id}`), { usd: 0.1, tokens: 100 });
  void answer;
});

t.test('a batch takes what is idle, and pays for nothing', async (t) => {
  const fleet = await opened(t);
  await nodeAt(fleet, 'cloud', 3, (work) => ends(work, 1, 1));
  const { key } = await keyWith(fleet, { usd: 10, per: 'month' });
  const by = {
    kind: 'key' as const,
    id: key.split('_')[1] ?? '',
    name: 'g',
    space: 'default',
    roles: ['client' as const],
  };
  const request = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] };
  const failed = new Promise((resolve) => {
    const sink = { begin() {}, event() {}, end() {}, done: () => resolve(null), fail: resolve };
    fleet.context.gateway.answer(
      { models: ['m'], request, answers: 1, stream: false, session: null, idle: true },
      by,
      sink,
    );
  });
  t.match(await failed, { code: 'not-allowed', message: /a batch takes what is idle and pays for nothing/ });
});

t.test('budgets over the API: made, changed, listed, and refused where they say nothing', async (t) => {
  const fleet = await opened(t);
  const made = await keyWith(fleet, { usd: 10, tokens: 1_000, per: 'day' });
  t.match(made.budget, { usd: 10, tokens: 1_000, per: 'day', usedUsd: 0, reservedTokens: 0, renewed: /^\d+ \w+$/ });
  t.match(await fleet.problem('POST', '/v1/keys', { body: { name: 'x', role: 'client', budget: {} } }), {
    code: 'invalid-request',
    detail: /budget: expected tokens, usd, or both, got \{"per":"month"\}/,
  });
  const edited = await fleet.call('PUT', `/v1/keys/${made.id}/budget`, { body: { usd: 20 } });
  t.match(edited.body, { budget: { usd: 20, tokens: null, per: 'month' } });
  t.match((await fleet.call<BudgetRow[]>('GET', '/v1/budgets')).body, [
    { of: 'key', name: made.name, budget: { usd: 20 } },
  ]);
  const [row] = (await fleet.call<{ action: string; text: string }[]>('GET', '/v1/audit')).body;
  t.match(row, { action: 'key-budget', text: `${made.name}: $10 and 1,000 tokens a day -> $20 a month` });
  const none = await fleet.call('DELETE', `/v1/keys/${made.id}/budget`);
  t.match(none.body, { budget: null });
  t.same((await fleet.call('GET', '/v1/budgets')).body, []);
  t.equal((await fleet.problem('DELETE', '/v1/keys/nobody/budget')).code, 'no-such-key');
  const spec = { name: 'ada', model: ['m'], instructions: 'x', budget: { tokens: 5 } };
  await fleet.call('PUT', '/v1/agents/ada', { body: spec });
  t.match((await fleet.call('GET', '/v1/budgets?agent=ada')).body, [
    { of: 'agent', name: 'ada', budget: { tokens: 5 } },
  ]);
  t.same((await fleet.call('GET', '/v1/budgets?agent=nobody')).body, []);
  t.match(await fleet.problem('PUT', '/v1/agents/ada', { body: { ...spec, budget: { per: 'day' } } }), {
    detail: /budget: expected tokens, usd, or both/,
  });
});

t.test('a person is told at 80 % and when it is used up', async (t) => {
  const fleet = await opened(t);
  await nodeAt(fleet, 'pi', 0, (work) => ends(work, 40, 5));
  const { key, name } = await keyWith(fleet, { tokens: 50, per: 'month' });
  const alerts = async () => {
    await fleet.context.alerts.refreshAll();
    const all = (await fleet.call<{ kind: string }[]>('GET', '/v1/alerts')).body;
    return all.filter(({ kind }) => kind.startsWith('budget'));
  };
  t.same(await alerts(), []);
  await ask(fleet, key);
  await settled(fleet);
  t.match(await alerts(), [
    {
      kind: 'budget-low',
      severity: 'warning',
      title: `90 % of the budget of the key ${name} is used`,
      text: /^45 of 50 tokens used; renewed on 1 \w+\.$/,
      actions: [{ verb: 'open-keys' }],
    },
  ]);
  await ask(fleet, key);
  await settled(fleet);
  t.match(await alerts(), [
    {
      kind: 'budget-used-up',
      severity: 'error',
      title: `The budget of the key ${name} is used up`,
      text: /^90 of 50 tokens used; renewed on 1 \w+\. What it asks is refused\.$/,
    },
  ]);
  const events = (await fleet.call<{ type: string }[]>('GET', '/v1/events')).body.map(({ type }) => type);
  t.same(
    events.filter((type) => type.startsWith('budget')),
    ['budget-used-up', 'budget-low'],
  );
});
