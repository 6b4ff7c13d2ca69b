// The start of a coordinator: the time that its nodes get to reconnect.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';

t.test('a store that takes long to load takes nothing of the time that nodes have to come back', async (t) => {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  const takesMs = 200;
  let loadedMs = 0;
  const load = async () => {
    const rows = await store.load();
    await new Promise<void>((resolve) => systemClock.after(takesMs, resolve, true));
    loadedMs = systemClock.nowMs();
    return rows;
  };
  const fleet = await openApiFleet({ store: { ...store, load } });
  t.teardown(() => fleet.close());
  const { startedMs } = fleet.coordinator.view;
  // A clock that is being set may go back by some milliseconds.
  t.ok(startedMs > loadedMs - takesMs / 2, `${startedMs - loadedMs} ms after it had loaded`);
});
