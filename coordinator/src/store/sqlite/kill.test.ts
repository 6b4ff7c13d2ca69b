// A process that commits is killed with SIGKILL, several times over the same file: whatever it had said was committed is there, and
// nothing is there by half. (A kill proves the commit protocol; a power cut would also try the disk.)
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { entryFault } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';
import { taskId } from '../../../../test/fixtures/coordinator/stored-rows.ts';
import { openSqliteStore } from './sqlite-store.ts';

const { newPath } = storeFiles(t);
const program = join(import.meta.dirname, '../../../../test/fixtures/coordinator/commit-loop.ts');

type Where = 'here' | 'in threads';
/** Lets the loop run until it has printed `lines` numbers, kills it, and returns all it printed. */
function runUntilKilled(path: string, where: Where, first: number, lines: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const args = [program, path, String(first), where];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.split('\n').length > lines) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the loop ended by itself with ${code}`));
      // The last line may have been cut by the kill.
      else resolve(text.split('\n').slice(0, -1).map(Number));
    });
  });
}

for (const where of ['here', 'in threads'] as const) {
  const path = newPath();
  let reached = 0;
  for (const lines of [1, 40, 700]) {
    await t.test(`SQLite ${where}: killed after ${lines} commits and more`, async (t) => {
      const printed = await runUntilKilled(path, where, Math.max(1, reached), lines);
      t.ok(printed.length >= lines);
      const store = await openSqliteStore({ path, log: silentLog, clock: systemClock });
      t.teardown(() => store.close());
      const missing: number[] = [];
      for (const n of printed) if (!(await store.task(taskId(n)))) missing.push(n);
      t.strictSame(missing, [], 'every commit it told of is there');
      const last = printed.at(-1) as number;
      const [newest] = await store.tasks({ limit: 1 });
      reached = Number(newest?.id.slice(1));
      t.ok(reached - last <= 1, 'at most the one it could not tell of any more is there besides');
      const [event] = await store.events({ limit: 1 });
      t.equal(Number(event?.text), reached, 'its event came with it');
      const hashes = await store.memoryHashes('greeter', 1, reached + 10);
      t.equal(hashes.length, reached, 'one memory a batch');
      const tail = await store.memoryLog('greeter', reached - 1, 10);
      t.strictSame(tail.map(entryFault), [null]);
      t.equal(
        (await store.searchMemory({ text: `note ${reached}`, limit: 1 }))[0]?.seq,
        reached,
        'its words are indexed',
      );
    });
  }
}
