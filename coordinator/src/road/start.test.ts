// The start of a coordinator: the time that its nodes get to reconnect.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';

t.test('a store that takes long to load takes nothing of the time that nodes have to come back', async (t) => {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  let loadingMs = 0;
  const load = async () => {
    loadingMs = systemClock.nowMs();
    const rows = await store.load();
    await new Promise<void>((resolve) => systemClock.after(50, resolve, true));
    return rows;
  };
  const fleet = await openApiFleet({ store: { ...store, load } });
  t.teardown(() => fleet.close());
  const { startedMs } = fleet.coordinator.view;
  // The two clocks may differ by a millisecond.
  t.ok(startedMs >= loadingMs + 45, `${startedMs - loadingMs} ms after it began to load`);
});
