// A node that is killed by SIGKILL again and again while it erases: what it has confirmed is in none of its files, the rest it erases when it
// is told again, and the chain verifies. Real processes, a real folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { chainFaults } from '../../../test/fixtures/node-agent/tiny-coordinator.ts';
import { openJournal } from './journal.ts';

const secret = 'xylophonist';
const script = fileURLToPath(new URL('../../../test/fixtures/node-agent/erase-loop.ts', import.meta.url));

t.test('SIGKILL while it erases', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'erase-kill-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const random = seededRandom(5);
  let killed = 0;
  let isOver = false;
  for (let round = 0; round < 40 && !isOver; round++) {
    const child = spawn(process.execPath, [script, dir, secret], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    let confirmed = -1;
    const ended = once(child, 'exit');
    for await (const part of child.stdout) {
      confirmed = Number(String(part).trim().split('\n').at(-1));
      // The first answer says where it stands; it is killed somewhere in the erasures after that.
      await pause(random.next() * 12 * round);
      child.kill('SIGKILL');
    }
    const [code] = (await ended) as [number | null];
    isOver = code === 0;
    if (!isOver) killed++;
    const journal = openJournal(dir, 'unused', 0, () => {});
    const entries = journal.after(journal.logs()[0]?.id ?? 0, 'ada', 0, 10_000);
    const upto = journal.erasedUpto('ada');
    journal.close();
    t.same(chainFaults(entries), [], `round ${round}: the chain verifies`);
    t.ok(upto >= confirmed, `it stands at ${upto}, and had confirmed ${confirmed}`);
    const secrets = entries.filter(({ seq, kind }) => kind === 'note' && seq % 2 === 0);
    const left = secrets.slice(0, upto * 20).filter(({ payload }) => payload !== null);
    t.equal(left.length, 0, 'what was confirmed is gone');
  }
  t.ok(killed > 2, `killed ${killed} times`);
  t.ok(isOver, 'and came to an end');
  const remains = readdirSync(dir).filter((name) => readFileSync(join(dir, name)).includes(secret.slice(2)));
  t.same(remains, [], 'no file has the word');
});
