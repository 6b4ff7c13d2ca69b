// Tasks under budgets: what they reserve and use, why they wait, when they are refused at once, and that triggers rest while they may not.
import type { Budget, NodeModel, TaskUsage } from '@blackroad/protocol';
import t from 'tap';
import { events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { keyRow } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { createKey, setKeyBudget } from '../fleet/access.ts';
import { removeAgent } from '../fleet/agents.ts';
import { agentState } from '../live/show.ts';
import { openDraft } from '../state/draft.ts';
import type { View } from '../state/view.ts';
import { whyWaiting } from '../tasks/place-trouble.ts';
import { settleLeftOver } from './judge.ts';

const day = 86_400_000;
/** 14 November 2023, 22:13:20 UTC, is where the sample fleet begins. */
const usage = (promptTokens: number, completionTokens: number): TaskUsage => ({
  model: 'small',
  promptTokens,
  completionTokens,
  recalled: 0,
  toolCalls: 0,
  firstTokenMs: 1,
  totalMs: 2,
});
const small: NodeModel = modelOf('small', {});
/** An agent on a node; `price`: US dollars a million tokens. */
function fleetWith(budget: Budget | undefined, price = 0, over = {}): SampleFleet {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { ...(budget ? { budget } : {}), ...over });
  fleet.capacity('alice', { models: [small], ...(price > 0 ? { pricePerMillionTokens: price } : {}) });
  return fleet;
}
const spent = (fleet: SampleFleet, account = 'agent:greeter') => {
  const { tokens = -1, usd = -1 } = fleet.view.spending.get(account) ?? {};
  return [tokens, Number(usd.toFixed(9))];
};
const done = (fleet: SampleFleet, id: string, used = usage(100, 50)) =>
  fleet.report(id, 'alice', 'done', { result: 'Hi.', usage: used });

t.test('a task reserves the most that it may use, and is counted by what it used', async (t) => {
  const fleet = fleetWith({ usd: 1, per: 'month' }, 10);
  fleet.submit('t1', 'greeter');
  t.match(fleet.view.reservations.get('t1'), {
    accounts: ['agent:greeter'],
    attempt: 1,
    tokens: 2048 + 512,
    usd: 0.0256,
  });
  done(fleet, 't1');
  t.same(spent(fleet), [150, 0.0015]);
  t.equal(fleet.view.reservations.size, 0);
  const tools = fleetWith({ tokens: 1e6, per: 'day' }, 0, { tools: [{ tool: 'memory' }] });
  tools.submit('t1', 'greeter');
  t.equal(tools.view.reservations.get('t1')?.tokens, 7 * (2048 + 512), 'each round of tools asks the model again');
});

t.test('without a budget nothing is reserved nor counted', async (t) => {
  const fleet = fleetWith(undefined, 10);
  fleet.submit('t1', 'greeter');
  t.equal(fleet.view.reservations.size, 0);
  done(fleet, 't1');
  t.equal(fleet.view.spending.size, 0);
});

t.test('at the border one task is let in, and the others wait for the rest of the budget', async (t) => {
  const fleet = fleetWith({ tokens: 3_000, per: 'month' }, 0, { concurrency: 5 });
  for (const id of ['t1', 't2', 't3']) fleet.submit(id, 'greeter');
  t.same(
    ['t1', 't2', 't3'].map((id) => fleet.task(id)?.state),
    ['leased', 'leased', 'queued'],
    'something is left for the second, nothing for the third',
  );
  t.match(
    whyWaiting(fleet.view as View, fleet.task('t3')!),
    /^the rest of the budget .* is reserved for 2 requests and tasks/,
  );
  done(fleet, 't1', usage(10, 10));
  t.equal(fleet.task('t3')?.state, 'leased', 'what was not used is released');
});

t.test('used up: it waits where the budget is renewed in time, and is refused where it is not', async (t) => {
  const fleet = fleetWith({ tokens: 100, per: 'day' });
  fleet.submit('t1', 'greeter');
  const ends = done(fleet, 't1');
  t.same(events(ends.changes), ['budget-used-up']);
  const refused = fleet.submit('t2', 'greeter');
  t.match(refused.outcome, {
    code: 'budget-used-up',
    details: {
      detail:
        'The budget of the agent greeter for 14 November is used up: 150 of 100 tokens used; renewed on 15 November.',
    },
  });
  const late = fleet.submit('t3', 'greeter', { deadlineSeconds: 7200 });
  t.match(late.outcome, { ok: true, value: { state: 'queued' } });
  t.match(whyWaiting(fleet.view as View, fleet.task('t3')!), /is used up: .*; renewed on 15 November$/);
  t.match(agentState(fleet.view as View, fleet.agent('greeter')), {
    state: 'ready',
    reason: /^the budget of the agent greeter/,
    reasonCode: 'budget-used-up',
  });
  fleet.pass(2 * 3600_000, 60_000);
  t.notOk(fleet.task('t3')?.state === 'queued', 'it was leased after midnight');
  t.same(spent(fleet), [0, 0]);
});

t.test('the reason stands in a task whose deadline passed', async (t) => {
  const fleet = fleetWith({ tokens: 3_000, per: 'total' });
  fleet.submit('t1', 'greeter');
  fleet.submit('t2', 'greeter', { deadlineSeconds: 1000 });
  done(fleet, 't1', usage(2_000, 1_000));
  const { changes } = { changes: [1001, 2].flatMap((s) => fleet.tick(s * 1000).changes) };
  const row = changes.flatMap((change) => (change.type === 'task-end' ? [change.row] : [])).at(-1);
  t.match(row, {
    id: 't2',
    state: 'expired',
    problem: { text: /the budget of the agent greeter is used up: 3,000 of 3,000 tokens used; never renewed$/ },
  });
});

t.test('a limit of money stops what costs money alone', async (t) => {
  const free = fleetWith({ usd: 0, per: 'month' });
  t.match(free.submit('t1', 'greeter').outcome, { value: { state: 'leased' } });
  const paid = fleetWith({ usd: 0, per: 'month' }, 3);
  t.match(paid.submit('t1', 'greeter').outcome, {
    code: 'not-allowed',
    details: { detail: 'The agent greeter may spend no money.' },
  });
});

t.test('where money is limited, a node of class cloud that names no price is not asked', async (t) => {
  const spec = { placement: { class: ['cloud'], site: [], labels: {}, nodes: [], avoidAgents: [] } };
  const fleet = new SampleFleet();
  fleet.addNode('alice', { class: 'cloud' });
  fleet.runs('greeter', 'alice', { ...spec, budget: { usd: 1, per: 'month' } });
  t.match(fleet.submit('t0', 'greeter').outcome, { value: { state: 'queued' } }, 'it has not told its prices yet');
  fleet.capacity('alice', { models: [small] });
  t.match(fleet.submit('t1', 'greeter').outcome, {
    code: 'not-allowed',
    details: {
      detail: 'The node alice costs money and names no price for small, so a budget of money cannot be kept.',
    },
  });
  fleet.capacity('alice', { models: [small], pricePerMillionTokens: 3 });
  fleet.tick();
  t.equal(fleet.task('t0')?.state, 'leased');
});

t.test('a task counts for the key that asked, too', async (t) => {
  const fleet = fleetWith(undefined, 0, { concurrency: 3 });
  const guest = { ...ada, id: 'k1', name: 'guest' };
  const row = keyRow('k1', { name: 'guest', budget: { tokens: 100, per: 'month' } });
  fleet.decide<'key-create'>(createKey, { by: ada, row });
  fleet.submit('t1', 'greeter', {}, { by: { ...guest, kind: 'session' } });
  done(fleet, 't1');
  t.same(spent(fleet, 'key:k1'), [150, 0]);
  t.match(fleet.submit('t2', 'greeter', {}, { by: guest }).outcome, { code: 'budget-used-up' });
  t.match(fleet.submit('t3', 'greeter').outcome, { value: { state: 'leased' } }, 'others are not kept from it');
  fleet.decide<'key-budget'>(setKeyBudget, { by: ada, id: 'k1', budget: { tokens: 1_000, per: 'month' } });
  t.same(spent(fleet, 'key:k1'), [150, 0], 'a larger limit keeps what is used');
  t.match(fleet.submit('t4', 'greeter', {}, { by: guest }).outcome, { value: { state: 'leased' } });
  fleet.decide<'key-budget'>(setKeyBudget, { by: ada, id: 'k1', budget: { tokens: 1_000, per: 'day' } });
  t.same(spent(fleet, 'key:k1'), [0, 0], 'another period begins anew');
  fleet.decide<'key-budget'>(setKeyBudget, { by: ada, id: 'k1', budget: null });
  t.same(spent(fleet, 'key:k1'), [-1, -1]);
  done(fleet, 't4');
  t.equal(fleet.view.reservations.size, 0);
});

t.test('a task of a key whose budget is used up keeps no other waiting behind it', async (t) => {
  const fleet = fleetWith(undefined);
  const guest = { ...ada, id: 'k1', name: 'guest' };
  const row = keyRow('k1', { name: 'guest', budget: { tokens: 3_000, per: 'month' } });
  fleet.decide<'key-create'>(createKey, { by: ada, row });
  fleet.submit('t1', 'greeter', {}, { by: guest });
  fleet.submit('t2', 'greeter', {}, { by: guest });
  fleet.submit('t3', 'greeter');
  done(fleet, 't1', usage(2_000, 1_000));
  t.same(
    ['t2', 't3'].map((id) => fleet.task(id)?.state),
    ['queued', 'leased'],
  );
});

t.test('what became of an attempt', async (t) => {
  const begun = (price: number) => {
    const fleet = fleetWith({ usd: 1, tokens: 1e6, per: 'month' }, price);
    fleet.submit('t1', 'greeter');
    return fleet;
  };
  await t.test('refused by its place: nothing was used', async (t) => {
    const fleet = begun(10);
    fleet.report('t1', 'alice', 'refused');
    t.same(spent(fleet), [0, 0]);
    t.equal(fleet.view.reservations.size, 0);
  });
  await t.test('failed: what the node says that it used', async (t) => {
    const fleet = begun(10);
    const problem = { code: 'internal', text: 'x', retryable: true };
    fleet.report('t1', 'alice', 'failed', { problem, usage: usage(100, 0) });
    t.same(spent(fleet), [100, 0.001]);
    fleet.tick(5_000);
    t.match(fleet.view.reservations.get('t1'), { attempt: 2 });
    done(fleet, 't1');
    t.same(spent(fleet), [250, 0.0025]);
  });
  await t.test('cancelled by a person: nobody knows, so what costs money counts as it was reserved', async (t) => {
    for (const [price, want] of [
      [10, [2560, 0.0256]],
      [0, [0, 0]],
    ] as const) {
      const fleet = begun(price);
      fleet.decide<'agent-remove'>(removeAgent, { by: ada, agent: 'greeter' });
      t.equal(fleet.view.reservations.size, 0);
      t.same(spent(fleet), [-1, -1], 'the budget went with its agent');
      const other = begun(price);
      other.pass(601_000, 60_000);
      t.same(spent(other), want, 'its deadline passed');
    }
  });
  await t.test('its node was lost, and its end comes late', async (t) => {
    const fleet = begun(10);
    fleet.will('alice');
    fleet.pass(100_000);
    t.equal(fleet.task('t1')?.state, 'queued');
    t.ok(fleet.view.reservations.has('t1'), 'it may still end');
    fleet.report('t1', 'alice', 'done', { result: 'Hi.', usage: usage(100, 50), attempt: 1, epoch: 1 });
    t.same(spent(fleet), [150, 0.0015]);
    t.equal(fleet.view.reservations.size, 0);
  });
  await t.test('at a start a task that goes on keeps what is reserved', async (t) => {
    const fleet = begun(10);
    const draft = openDraft(fleet.view as View, fleet.now);
    settleLeftOver(draft);
    t.same(draft.changes, []);
  });
});

t.test('triggers rest on their node while the budget is used up', async (t) => {
  const triggers = [{ cron: '* * * * *', prompt: 'Look.' }];
  const fleet = fleetWith({ tokens: 100, per: 'day' }, 0, { triggers });
  const assigned = () => said(fleet.messages, 'assign').at(-1)?.message.put[0]?.spec.triggers;
  t.same(assigned(), triggers);
  const local = { prompt: 'Look.', atMs: fleet.now };
  fleet.report('t9', 'alice', 'done', { result: 'Seen.', usage: usage(80, 40), local, attempt: 1, epoch: 1 });
  t.same(spent(fleet), [120, 0], 'what a trigger began is counted at its end');
  fleet.tick();
  t.same(assigned(), []);
  t.equal(fleet.view.spending.get('agent:greeter')?.stopped, true);
  const before = fleet.messages.length;
  fleet.tick();
  t.equal(said(fleet.messages.slice(before), 'assign').length, 0, 'it is told once');
  fleet.now += day;
  fleet.tick();
  t.same(assigned(), triggers, 'the next day they are back');
});
