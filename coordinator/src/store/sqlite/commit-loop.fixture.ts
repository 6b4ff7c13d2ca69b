// Run by kill.test.ts as a process of its own: commits batches without end and prints the number of each once its commit resolved.
// Each batch is a task, its event and a memory, so that half a batch would show.
import { writeSync } from 'node:fs';
import type { MemoryEntry } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { memoryEntries, t0, taskRow } from '../conformance/rows.ts';
import { openSqliteStore } from './sqlite-store.ts';

const [path, first] = process.argv.slice(2) as [string, string];
const store = await openSqliteStore({ path, log: silentLog, clock: systemClock });
let [previous] = (await store.memoryLog('greeter', Number(first) - 1, 1)) as (MemoryEntry | undefined)[];
for (let n = Number(first) + (previous ? 1 : 0); ; n++) {
  const entries = memoryEntries('greeter', [{ text: `note ${n} ${'x'.repeat(2000)}` }], { previous });
  previous = entries[0];
  await store.commit([
    { type: 'task-new', row: taskRow(n) },
    { type: 'event', row: { atMs: t0, node: null, agent: null, type: 'batch', severity: 'info', text: String(n) } },
    { type: 'memory', agent: 'greeter', entries },
  ]);
  writeSync(1, `${n}\n`);
}
