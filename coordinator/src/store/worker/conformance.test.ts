// A file of its own: each of its stores starts two threads, which takes longer than the tests themselves.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { storeConformance } from '../../../../test/conformance/store.ts';
import { type ClaimedStore, claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { openWorkerStore } from './worker-store.ts';

t.setTimeout(480_000);
const folder = mkdtempSync(join(tmpdir(), 'blackroad-threads-'));
t.teardown(() => rmSync(folder, { recursive: true }));
// Threads start three times as fast when another one has compiled the same files.
process.env.NODE_COMPILE_CACHE ??= join(folder, 'compiled');
let files = 0;
const died = (error: Error) => {
  throw error;
};
const open = async (path: string) => claimed(await openWorkerStore({ path, log: silentLog, clock: systemClock, died }));

await storeConformance(t, 'sqlite in worker threads', async (t) => {
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
