import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { storeConformance } from '../../../../test/conformance/store.ts';
import { claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { inFiles, storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';
import { openSqliteStore } from './sqlite-store.ts';

const open = async (path: string) => claimed(await openSqliteStore({ path, log: silentLog, clock: systemClock }));

await storeConformance(t, 'sqlite file', inFiles(storeFiles(t), open));
await storeConformance(t, 'sqlite in memory', async (t) => {
  const store = await open(':memory:');
  t.teardown(() => store.close());
  return { store, reopen: null };
});
