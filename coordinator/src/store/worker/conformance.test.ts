// A file of its own: each of its stores starts two threads, which takes longer than the tests themselves.
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { storeConformance } from '../../../../test/conformance/store.ts';
import { openWorkerStore } from '../../../../test/fixtures/coordinator/bundled-worker-store.ts';
import { claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { inFiles, storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';

t.setTimeout(480_000);
const died = (error: Error) => {
  throw error;
};
const open = async (path: string) => claimed(await openWorkerStore({ path, log: silentLog, clock: systemClock, died }));

await storeConformance(t, 'sqlite in worker threads', inFiles(storeFiles(t), open));
