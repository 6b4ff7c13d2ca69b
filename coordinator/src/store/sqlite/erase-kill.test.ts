// A store that is killed by SIGKILL while it erases and removes what is left: what it said was erased has no content, and the next process
// removes the rest, so that no file has the word.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { MemoryEntry } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';
import { memoryEntries } from '../../../../test/fixtures/coordinator/stored-rows.ts';
import { openSqliteStore } from './sqlite-store.ts';

const { newPath } = storeFiles(t);
const program = join(import.meta.dirname, '../../../../test/fixtures/coordinator/erase-loop.ts');
const secret = 'xylophonist';

t.test('killed while it erases', async (t) => {
  const path = newPath();
  const random = seededRandom(4);
  let next = 1;
  for (let times = 0; times < 6; times++) {
    const child = spawn(process.execPath, [program, path, String(next), secret], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    const closed = once(child, 'close');
    let text = '';
    for await (const part of child.stdout) {
      text += part;
      await pause(random.next() * 30);
      child.kill('SIGKILL');
    }
    await closed;
    t.not(text, '', 'it was killed after it had erased');
    const said = text.split('\n').slice(0, -1).map(Number);
    const store = await openSqliteStore({ path, log: silentLog, clock: systemClock });
    for (const round of said) {
      const left = (await store.memoryLog(`a${round}`, 0, 100)).filter(({ payload }) => payload?.text.includes(secret));
      t.equal(left.length, 0, `round ${round} was erased`);
    }
    const hits = await store.searchMemory({ text: secret, limit: 50 });
    t.same(
      hits.filter(({ agent }) => said.includes(Number(agent.slice(1)))),
      [],
    );
    // The round that it was in: its memories may be there, as nobody was told that they are gone.
    const last = (said.at(-1) ?? next) + 1;
    for (const agent of [`a${last}`, `a${last + 1}`]) {
      const erased = await store.erasable({ agent, limit: 100 });
      const term = await store.claim('test');
      const row = { id: `${agent}.1`, agent, number: 1, atMs: 1, by: 'test', entries: erased.length, owed: [] };
      if (erased.length > 0) await store.commit([{ type: 'erasure', row, erased }], term);
    }
    while (await store.scrub());
    await store.close();
    const files = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
    t.same(
      files.filter((name) => readFileSync(join(dirname(path), name)).includes(secret.slice(2))),
      [],
      `${said.length} rounds: no file has the word`,
    );
    next = last + 2;
  }
});

t.test('what a document said leaves every file once it was taken back', async (t) => {
  const path = newPath();
  const store = await openSqliteStore({ path, log: silentLog, clock: systemClock });
  const term = await store.claim('test');
  const place = { id: 'd1', name: 'house.md', chunk: 1, chunks: 1 };
  const entries = memoryEntries('ada', [
    { text: 'It begins.' },
    { text: `The ${secret} lives in Graz.`, document: place },
    { text: '', document: place },
  ]);
  const change = (some: MemoryEntry[]) => [{ type: 'memory' as const, space: 'default', agent: 'ada', entries: some }];
  await store.commit(change(entries.slice(0, 2)), term);
  while (await store.scrub());
  t.equal((await store.searchMemory({ text: secret, limit: 5 })).length, 1);
  await store.commit(change([{ ...(entries[2] as MemoryEntry), kind: 'withdraw' }]), term);
  while (await store.scrub());
  t.same(await store.searchMemory({ text: secret, limit: 5 }), []);
  await store.close();
  const files = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
  t.same(
    files.filter((name) => readFileSync(join(dirname(path), name)).includes(secret.slice(2))),
    [],
  );
});
