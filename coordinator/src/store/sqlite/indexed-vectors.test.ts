// The index of vectors beside the database: it finds what an exact comparison finds, of all vectors and not of the newest alone, and follows what
// comes, changes and goes, whether it is complete or still being made.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { encodeVector, type MemoryEntry } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { openWorkerStore } from '../../../../test/fixtures/coordinator/bundled-worker-store.ts';
import { claimed } from '../../../../test/fixtures/coordinator/claimed-store.ts';
import { storeFiles } from '../../../../test/fixtures/coordinator/store-files.ts';
import { memoryEntries } from '../../../../test/fixtures/coordinator/stored-rows.ts';
import { vectorSet } from '../../../../test/fixtures/coordinator/vectors.ts';
import { until } from '../../../../test/fixtures/until.ts';
import { openDatabase } from './database.ts';
import { IndexedVectors } from './indexed-vectors.ts';
import { scannedVectors } from './near-vectors.ts';
import { openSqliteStore } from './sqlite-store.ts';

const files = storeFiles(t);
const model = 'tiny';
const dimension = 64;

/** Entries with vectors for each of some agents in turn. */
function writer(store: Awaited<ReturnType<typeof claimed>>) {
  const set = vectorSet('clustered', dimension, 11);
  const lasts = new Map<string, MemoryEntry>();
  const vectors: Float32Array[] = [];
  return {
    vectors,
    async write(count: number, agents: number, of = model) {
      const perAgent = Math.ceil(count / agents);
      for (let agent = 0; agent < agents; agent++) {
        const name = `agent-${agent}`;
        const payloads = Array.from({ length: perAgent }, () => {
          const vector = new Float32Array(dimension);
          set.next(vector);
          vectors.push(vector);
          return {
            text: `memory ${vectors.length}`,
            embedding: { model: of, dimension, vector: encodeVector(vector) },
          };
        });
        const entries = memoryEntries(name, payloads, { previous: lasts.get(name) });
        lasts.set(name, entries.at(-1) as MemoryEntry);
        await store.commit([{ type: 'memory', space: 'default', agent: name, entries }]);
      }
    },
  };
}
async function rig(path: string, saved: string | null = null) {
  const db = openDatabase(path);
  const store = await claimed(await openSqliteStore({ path, log: silentLog, clock: systemClock }, db));
  const index = new IndexedVectors(db, silentLog, 1, saved);
  t.teardown(() => {
    index.close();
    return store.close();
  });
  const exact = scannedVectors(db);
  const query = (values: Float32Array) => ({ model, values });
  const same = (tt: Pick<typeof t, 'same'>, values: Float32Array, of?: string | string[]) => {
    const filter = of === undefined ? {} : typeof of === 'string' ? { agent: of } : { agents: of };
    tt.same(
      index.near(query(values), filter, 10).map(({ item }) => item),
      exact(query(values), filter, 10).map(({ item }) => item),
    );
  };
  return { db, store, exact, index, same, query, ...writer(store) };
}
const finish = (index: IndexedVectors) => {
  for (let pieces = 0; index.work(); pieces++) if (pieces > 1_000) throw new Error('it is never complete');
};

t.test(
  'few vectors are compared one by one; many are found by the index, which is made while searches go on',
  async (t) => {
    const { exact, index, same, store, write, vectors } = await rig(files.newPath());
    await write(1_000, 4);
    same(t, vectors[10] as Float32Array);
    t.notOk(index.work(), 'there is nothing to make');
    await write(8_000, 4);
    same(t, vectors[10] as Float32Array);
    t.ok(index.work(), 'it has begun');
    // What comes while it is made is in it.
    await write(400, 4);
    same(t, vectors.at(-1) as Float32Array);
    finish(index);
    for (const at of [0, 17, 500, 4_000, 9_000, 9_399]) {
      same(t, vectors[at] as Float32Array);
      same(t, vectors[at] as Float32Array, 'agent-2');
      same(t, vectors[at] as Float32Array, ['agent-1', 'agent-2', 'nobody']);
    }
    t.same(index.near({ model, values: vectors[0] as Float32Array }, { agent: 'nobody' }, 10), []);
    // What few of the nearest have; agents write at the same times here.
    const [entry] = await store.memoryLog('agent-2', 1_000, 1);
    const atMs = entry?.createdAt ?? 0;
    for (const filter of [
      { kind: 'turn' },
      { kind: 'genesis' },
      { sinceMs: atMs },
      { untilMs: atMs, agent: 'agent-1', kind: 'turn' },
    ])
      for (const at of [17, 4_000]) {
        const asked = { model, values: vectors[at] as Float32Array };
        const found = index.near(asked, filter, 10);
        t.ok(found.length >= 4, JSON.stringify(filter));
        t.same(found, exact(asked, filter, 10), JSON.stringify(filter));
      }
    t.same(index.near({ model, values: vectors[0] as Float32Array }, { kind: 'of-a-newer-node' }, 10), []);
  },
);

t.test('what came, changed and went is seen by the next search', async (t) => {
  const { db, index, same, write, vectors, query } = await rig(files.newPath());
  await write(3_000, 3);
  same(t, vectors[0] as Float32Array);
  finish(index);
  const random = seededRandom(2);
  for (let step = 0; step < 30; step++) {
    const id = 1 + Math.floor(random.next() * 3_000);
    const vector = vectors[Math.floor(random.next() * vectors.length)] as Float32Array;
    const bytes = Buffer.from(vector.buffer.slice(0));
    if (step % 3 === 0) await write(3, 3);
    else if (step % 3 === 1) db.prepare('DELETE FROM memory_vector WHERE id = ?').run(id);
    else db.prepare('UPDATE memory_vector SET vector = ? WHERE id = ?').run(bytes, id);
    same(t, vector);
    same(t, vectors.at(-1) as Float32Array, 'agent-1');
  }
  // An entry that is erased takes its vector along.
  const [found] = index.near(query(vectors.at(-1) as Float32Array), {}, 1);
  db.prepare('DELETE FROM memory_entry WHERE id = ?').run(found?.item);
  t.not(index.near(query(vectors.at(-1) as Float32Array), {}, 1)[0]?.item, found?.item);
  // Vectors of another model are near to none of this one.
  db.prepare(`UPDATE memory_vector SET model = 'another' WHERE id <= 500`).run();
  same(t, vectors[100] as Float32Array);
  t.ok(index.near(query(vectors[100] as Float32Array), {}, 50).every(({ item }) => item > 500));
});

t.test('of the values that a key had the last one is near, in an index from before and in a new one', async (t) => {
  const { db, store, index, same, query, write, vectors } = await rig(files.newPath());
  await write(2_500, 1);
  same(t, vectors[0] as Float32Array);
  finish(index);
  const asked = vectors[7] as Float32Array;
  const payload = { text: 'x', key: 'door', embedding: { model, dimension, vector: encodeVector(asked) } };
  const kinds = Array.from({ length: 300 }, () => 'value');
  const entries = memoryEntries(
    'keeper',
    kinds.map(() => payload),
    { kinds },
  );
  await store.commit([{ type: 'memory', space: 'default', agent: 'keeper', entries }]);
  const last = db.prepare('SELECT max(id) FROM memory_entry').pluck().get();
  const keepers = (of: IndexedVectors) =>
    of.near(query(asked), {}, 50).flatMap(({ item }) => (item > 2_500 ? [item] : []));
  t.same(keepers(index), [last]);
  same(t, asked);
  const fresh = new IndexedVectors(db, silentLog, 1);
  t.teardown(() => fresh.close());
  fresh.near(query(asked), {}, 1);
  finish(fresh);
  t.same(keepers(fresh), [last]);
  const { seq, hash } = entries.at(-1) as MemoryEntry;
  const row = { id: 'keeper.1', agent: 'keeper', number: 1, atMs: 1, by: 'admin', entries: 1, owed: [] };
  await store.commit([{ type: 'erasure', row, erased: [{ seq, hash, branch: null }] }]);
  t.same([keepers(index), keepers(fresh)], [[Number(last) - 1], [Number(last) - 1]]);
});

t.test('an index that has outgrown its mean is made anew beside the one that answers', async (t) => {
  const { index, same, write, vectors } = await rig(files.newPath());
  await write(2_100, 1);
  same(t, vectors[0] as Float32Array);
  finish(index);
  t.notOk(index.work());
  await write(17_000, 1);
  t.ok(index.work());
  same(t, vectors[5] as Float32Array);
  finish(index);
  same(t, vectors[15_000] as Float32Array);
});

t.test('an index that was written is read again, and takes in what came since', async (t) => {
  const path = files.newPath();
  const { db, index, same, write, vectors, query } = await rig(path, path);
  await write(12_000, 2);
  index.near(query(vectors[0] as Float32Array), {}, 1);
  let pieces = 0;
  // What is written over while the file is written is in the changes that its reader takes in again.
  for (; index.work(); pieces++)
    if (pieces === 7) db.prepare('DELETE FROM memory_entry WHERE id BETWEEN 5 AND 900').run();
  const written = readdirSync(files.folder).filter(
    (name) => name.startsWith(`${basename(path)}-`) && /\.(codes|json)$/.test(name),
  );
  t.equal(written.length, 2, 'rows and header');
  db.prepare('DELETE FROM memory_entry WHERE id BETWEEN 2000 AND 2500').run();
  await write(200, 2);
  const again = (at = path) => {
    const second = new IndexedVectors(db, silentLog, 1, at);
    t.teardown(() => second.close());
    second.near(query(vectors[0] as Float32Array), {}, 1);
    let rounds = 1;
    for (; second.work(); rounds++) if (rounds > 1_000) throw new Error('it is never complete');
    return { second, rounds };
  };
  const read = again();
  t.ok(read.rounds < 4, 'it was read, not made');
  for (const at of [0, 1, 950, 2_100, 8_000, 12_100]) {
    same(t, vectors[at] as Float32Array);
    const [first, found] = [index, read.second].map((each) =>
      each.near(query(vectors[at] as Float32Array), { agent: 'agent-1' }, 20),
    );
    t.same(found, first);
  }
  const [rows = ''] = written.filter((name) => name.endsWith('.codes')).map((name) => join(files.folder, name));
  const bytes = readFileSync(rows);
  bytes[5_000] = (bytes[5_000] as number) ^ 1;
  writeFileSync(rows, bytes);
  t.ok(again().rounds > 4, 'a damaged one is made again');
  // A copy of the database of before, with the index of after.
  db.prepare('DELETE FROM vector_change WHERE n > 100').run();
  db.prepare(`UPDATE sqlite_sequence SET seq = 100 WHERE name = 'vector_change'`).run();
  t.ok(again().rounds > 4, 'nor is the one of another database read');
});

t.test('the store searches all vectors in a thread of its own, which may end and come again', async (t) => {
  const died = (error: Error) => {
    throw error;
  };
  const store = await claimed(
    await openWorkerStore({ path: files.newPath(), log: silentLog, clock: systemClock, died }),
  );
  t.teardown(() => store.close());
  const { write, vectors } = writer(store);
  // The oldest is beyond what an exact search looks at.
  await write(21_000, 1);
  const oldest = { text: '', vector: { model, values: vectors[0] as Float32Array }, limit: 1 };
  await until(async () => (await store.searchMemory(oldest))[0]?.text === 'memory 1');
  await write(1, 1);
  const newest = { text: '', vector: { model, values: vectors.at(-1) as Float32Array }, limit: 1 };
  t.equal((await store.searchMemory(newest))[0]?.text, 'memory 21001', 'what was just committed is found');
});
