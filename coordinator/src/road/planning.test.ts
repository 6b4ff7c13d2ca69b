// Placement beside commits that take their time: an agent is placed, or told why not, whatever is being planned while it is stored.
import { coordinatorSelf } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';

t.test('a plan that is made while agents are stored misses none of them', async (t) => {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  const commit: typeof store.commit = async (changes, term) => {
    const committed = await store.commit(changes, term);
    if (changes.some(({ type }) => type === 'agent-version'))
      await new Promise<void>((resolve) => systemClock.after(60, resolve, true));
    return committed;
  };
  const fleet = await openApiFleet({ store: { ...store, commit } });
  t.teardown(() => fleet.close());
  const { coordinator } = fleet;
  const names = ['ada', 'bob', 'eve', 'joe', 'kim', 'leo'];
  const applied = (name: string) =>
    coordinator.submit('agent-apply', { by: coordinatorSelf, spec: sampleSpec(name), newId: name });
  // Each pair is one batch, and the plan for the pair before is made while it is stored.
  for (let i = 0; i < names.length; i += 2) await Promise.all(names.slice(i, i + 2).map(applied));
  const untold = () => names.filter((name) => !coordinator.view.agents.get(name)?.unplaced);
  const untilMs = systemClock.monotonicMs() + 10_000;
  while (untold().length > 0 && systemClock.monotonicMs() < untilMs)
    await new Promise<void>((resolve) => systemClock.after(20, resolve, true));
  t.same(untold(), [], 'there is no node, and each agent says so');
});
