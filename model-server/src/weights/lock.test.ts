// A lock file that a power cut left behind, with any content, blocks a fetch for a minute at most.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { withLock } from './lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'fleet-lock-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const options = { clock: systemClock, random: seededRandom(1), waitMs: 0 };
const anHourAgo = Date.now() / 1000 - 3600;

t.test('damaged ones are taken over when they are old', async (t) => {
  for (const [i, text] of ['', '{"pid":', '\0\u001b[2J', '{"pid":"x","host":null}'].entries()) {
    const path = join(folder, `${i}.lock`);
    writeFileSync(path, text);
    utimesSync(path, anHourAgo, anHourAgo);
    t.equal(await withLock(path, options, async () => 'done'), 'done', JSON.stringify(text));
  }
});

t.test('a folder in its place is said, and left alone', async (t) => {
  const path = join(folder, 'folder.lock');
  mkdirSync(path);
  utimesSync(path, anHourAgo, anHourAgo);
  await t.rejects(
    withLock(path, options, async () => {}),
    { kind: 'refused', message: /folder\.lock is a folder/ },
  );
});
