import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { storeConformance } from '../../../../test/conformance/store.ts';
import { type ClaimedStore, claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { openSqliteStore } from './sqlite-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'blackroad-store-'));
t.teardown(() => rmSync(folder, { recursive: true }));
let files = 0;
const open = async (path: string) => claimed(await openSqliteStore({ path, log: silentLog, clock: systemClock }));

await storeConformance(t, 'sqlite file', async (t) => {
  const path = join(folder, `${files++}.db`);
  const opened: ClaimedStore[] = [await open(path)];
  t.teardown(() => Promise.all(opened.map((store) => store.close())));
  const reopen = async () => {
    const store = await open(path);
    opened.push(store);
    return store;
  };
  return { store: opened[0] as ClaimedStore, reopen };
});
await storeConformance(t, 'sqlite in memory', async (t) => {
  const store = await open(':memory:');
  t.teardown(() => store.close());
  return { store, reopen: null };
});
