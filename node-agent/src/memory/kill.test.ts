// A node killed in the middle of a write: entries reported as durable are there, the chain verifies, the index catches up.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { assignedAgent, chainFaults } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { openJournal } from './journal.ts';
import { createNodeMemory } from './node-memory.ts';

t.test('SIGKILL while it remembers', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'memory-kill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  for (const enough of [20, 150]) {
    const folder = join(dir, String(enough));
    const script = fileURLToPath(new URL('../../../test/fixtures/node-agent/remember-loop.ts', import.meta.url));
    const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    let out = '';
    for await (const part of child.stdout) {
      out += part;
      if (out.split('\n').length > enough) break;
    }
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const printed = out
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split(' '));
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
