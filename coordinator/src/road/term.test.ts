// Two coordinators with one store: the last one to claim it has it. The other one stops, and the inputs that it had accepted are not lost.
// And after a commit that conflicted with another writer nothing is stored: the request is made again.
import type { AgentView, TaskView } from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/until.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';

const newStore = () => openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
const spec = { name: 'greeter', model: ['auto'], instructions: 'Greet.' };
const ask = (prompt: string) => ['POST', '/v1/agents/greeter/tasks', { body: { prompt } }] as const;

t.test('a coordinator whose store was claimed by another steps back, and what it accepted is there', async (t) => {
  const store = await newStore();
  const first = await openApiFleet({ store: { ...store, close: async () => {} } });
  t.teardown(() => first.close());
  const alice = await first.node('alice');
  alice.onLease = () => {};
  await first.call('PUT', '/v1/agents/greeter', { body: spec });
  const { body: accepted } = await first.call<TaskView>(...ask('first'));

  const second = await openApiFleet({ store });
  t.teardown(() => second.close());
  t.same(first.fenced, [], 'it does not know yet');
  const toldBefore = first.told.length;
  const refused = await first.problem(...ask('too late'));
  t.match(refused, { status: 503, code: 'unavailable', detail: /^Another coordinator \(\w+\) has taken over/ });
  t.match(first.fenced, [/^Another coordinator \(\w+\) has taken over; this one stores nothing any more\.$/]);
  t.match(await first.problem(...ask('much too late')), { status: 503 });
  await first.coordinator.stop();
  t.same(
    first.told.slice(toldBefore),
    [],
    'nodes hear nothing of it, its end neither: that would be said of the fleet',
  );

  const prompts = [...second.coordinator.view.tasks.values()].map(({ id, prompt }) => ({ id, prompt }));
  t.same(prompts, [{ id: accepted.id, prompt: 'first' }]);
  t.match(await second.call('GET', '/v1/agents/greeter'), { status: 200 });
  t.equal((await second.call(...ask('now'))).status, 201);
});

t.test('all that waits as a coordinator is fenced is refused, and nothing of it is stored', async (t) => {
  const store = await newStore();
  let release = () => {};
  let isHeld = false;
  const commit: Store['commit'] = async (changes, term) => {
    if (isHeld) await new Promise<void>((resolve) => (release = resolve));
    return store.commit(changes, term);
  };
  const fleet = await openApiFleet({ store: { ...store, commit } });
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  await fleet.call('PUT', '/v1/agents/greeter', { body: spec });
  isHeld = true;
  const asked = ['one', 'two', 'three'].map((prompt) => fleet.call(...ask(prompt)));
  await sleep(systemClock, 50);
  const term = await store.claim('other');
  isHeld = false;
  release();
  t.same(
    (await Promise.all(asked)).map(({ status }) => status),
    [503, 503, 503],
  );
  t.equal(fleet.fenced.length, 1, 'it is said once');
  t.same(await store.tasks({ limit: 10 }), []);
  t.match(await store.commit([{ type: 'token-gone', id: 'x' }], term), { how: 'stored' });
});

t.test(
  'a commit that conflicts: nothing of it is known, whoever asked may ask again, and placement goes on',
  async (t) => {
    const store = await newStore();
    let conflicts = 0;
    const commit: Store['commit'] = async (changes, term) => {
      if (conflicts === 0 || !changes.some(({ type }) => type === 'agent')) return store.commit(changes, term);
      conflicts--;
      return { how: 'conflict' };
    };
    const fleet = await openApiFleet({ store: { ...store, commit } });
    t.teardown(() => fleet.close());
    await fleet.node('alice');
    conflicts = 1;
    const refused = await fleet.problem('PUT', '/v1/agents/greeter', { body: spec });
    t.match(refused, {
      status: 503,
      code: 'unavailable',
      detail: /Somebody else changed the same/,
      retryAfterSeconds: 1,
    });
    t.equal(fleet.coordinator.view.agents.size, 0, 'the view knows what is stored');
    t.equal(fleet.agent('greeter'), undefined);
    t.equal((await fleet.call('PUT', '/v1/agents/greeter', { body: spec })).status, 201);
    await until(() => fleet.agent('greeter')?.placement != null);
    // A part of a plan that conflicts is planned anew.
    conflicts = 1;
    await fleet.call('PUT', '/v1/agents/echo', { body: { ...spec, name: 'echo' } });
    while ((await fleet.call('PUT', '/v1/agents/echo', { body: { ...spec, name: 'echo' } })).status >= 500);
    await until(() => fleet.agent('echo')?.placement != null);
    const { body } = await fleet.call<AgentView[]>('GET', '/v1/agents');
    t.equal(body.length, 2);
    t.equal(fleet.coordinator.counters.get('commit_conflicts'), 2);
    t.same(fleet.fenced, []);
  },
);
