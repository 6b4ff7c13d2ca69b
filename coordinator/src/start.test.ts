// How a coordinator begins: what its nodes are given to come back.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../test/fixtures/coordinator/api-fleet.ts';
import { openSqliteStore } from './store/sqlite/sqlite-store.ts';

t.test('a store that takes long to load takes nothing of the time that nodes have to come back', async (t) => {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  let loadedMs = 0;
  const load = async () => {
    const rows = await store.load();
    await new Promise<void>((resolve) => systemClock.after(50, resolve, true));
    loadedMs = systemClock.nowMs();
    return rows;
  };
  const fleet = await openApiFleet({ store: { ...store, load } });
  t.teardown(() => fleet.close());
  const { startedMs } = fleet.coordinator.view;
  t.ok(startedMs >= loadedMs, `${loadedMs - startedMs} ms too early`);
});
