// A node killed in the middle of a write: entries reported as durable are there, the chain verifies, the index catches up.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { assignedAgent, chainFaults } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { openIndex } from './index-file.ts';
import { openJournal } from './journal.ts';
import { createNodeMemory } from './node-memory.ts';

/** Kills the process after some lines; returns them. */
async function killed(t: Test, fixture: string, folder: string, lines: number): Promise<string[]> {
  const script = fileURLToPath(new URL(`../../../test/fixtures/node-agent/${fixture}`, import.meta.url));
  const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  for await (const part of child.stdout) {
    out += part;
    if (out.split('\n').length > lines) break;
  }
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return out.split('\n').slice(0, -1);
}

t.test('SIGKILL while it remembers', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'memory-kill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const enough of [20, 150]) {
    const folder = join(dir, String(enough));
    const printed = (await killed(t, 'remember-loop.ts', folder, enough)).map((line) => line.split(' '));
    t.ok(printed.length >= enough);

    const journal = openJournal(folder, 'unused', 0, () => {});
    for (const { id, agent } of journal.logs()) {
      const entries = journal.after(id, agent, 0, 1_000_000);
      t.same(chainFaults(entries), [], `the chain of ${agent} verifies`);
      for (const [, seq, i] of printed.filter(([name]) => name === agent)) {
        if (entries[Number(seq) - 1]?.payload?.text !== `${agent} ${i}`)
          t.fail(`${agent} ${seq} was acknowledged and is gone`);
      }
    }
    journal.close();

    const memory = createNodeMemory({
      dir: folder,
      node: 'alice',
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      embed: async () => null,
    });
    const log = memory.open(assignedAgent('ada', 1, { baseSeq: 0, baseHash: 'genesis', from: null }));
    const [, seq, i] = printed.findLast(([name]) => name === 'ada')!;
    const { memories } = await log.recall(`ada ${i}`, 1, new AbortController().signal);
    t.equal(memories[0]?.seq, Number(seq), 'and is found');
    await memory.close();
  }
});

t.test('SIGKILL while the index is written: it is whole, or made again', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'index-kill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const lines of [1, 2, 5, 9, 14, 20]) {
    const folder = join(dir, String(lines));
    const written = Number((await killed(t, 'index-loop.ts', folder, lines)).at(-1));
    const wasMarked = existsSync(join(folder, 'index.db-unfinished'));
    const journal = openJournal(folder, 'unused', 0, () => {});
    const index = openIndex({ dir: folder, journal, log: silentLog });
    const found = [1, Math.ceil(written / 2), written].map((id) => index.byWords(1, `number${id}`, 1)[0] ?? null);
    t.same(found, wasMarked ? [null, null, null] : [1, Math.ceil(written / 2), written]);
    index.close();
    journal.close();
    const db = new Database(join(folder, 'index.db'), { readonly: true });
    t.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    db.close();
    t.notOk(existsSync(join(folder, 'index.db-unfinished')));
  }
});
