// The index of a node: what is nearest in meaning and what fits the words, among many memories of a log as among few, whatever came, changed or went.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeVector, type MemoryPayload } from '@blackroad/protocol';
import { silentLog } from '@blackroad/std/log';
import { coderOf } from '@blackroad/std/vectors/codes';
import { rotationOf } from '@blackroad/std/vectors/rotation';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import { nearestExactly, vectorSet } from '../../../test/fixtures/coordinator/vectors.ts';
import { HeldCodes, noneYet, rowOf } from './held-codes.ts';
import { type Indexed, IndexFile, openIndex, tuned } from './index-file.ts';
import { openJournal } from './journal.ts';

const dimension = 64;
const model = 'a-model';

function rig(t: { teardown(run: () => void): void }) {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-index-'));
  const journal = openJournal(dir, 'a journal', 0, () => {});
  const open = () => openIndex({ dir, journal, log: silentLog });
  t.teardown(() => {
    journal.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return { dir, open };
}
const indexed = (id: number, text: string, vector?: Float32Array, log = 1): Indexed => {
  const embedding = vector ? { model, dimension, vector: encodeVector(vector) } : null;
  const payload: MemoryPayload = { text, tags: [], importance: 0.5, source: 'test', derivedFrom: [], embedding };
  return { id, log, seq: id, payload };
};
function vectors(count: number) {
  const set = vectorSet('hard', dimension, 5);
  const all = new Float32Array(count * dimension);
  const at = (id: number) => all.subarray((id - 1) * dimension, id * dimension);
  for (let id = 1; id <= count; id++) set.next(at(id));
  const query = () => {
    const vector = new Float32Array(dimension);
    set.query(vector);
    return vector;
  };
  return { all, at, query };
}

t.test('the nearest of a log of many vectors, as they come, go and change, also after it was closed', async (t) => {
  const { open, dir } = rig(t);
  const count = 2_500;
  const late = 300;
  const { at, query } = vectors(count);
  let index = open();
  // The first ones get their vectors after the others have theirs; the same ids of another log are near to nothing here.
  const rows = Array.from({ length: count }, (_, i) => indexed(i + 1, 'a note', i < late ? undefined : at(i + 1)));
  for (let from = 0; from < count; from += 64) index.add(rows.slice(from, from + 64));
  index.add([indexed(count + 1, 'of another log', at(1), 2)]);
  const present = new Set(rows.map(({ id }) => id).slice(late));
  const agree = (what: string) => {
    const ids = [...present];
    const all = Float32Array.from(ids.flatMap((id) => [...at(id)]));
    for (let i = 0; i < 10; i++) {
      const asked = query();
      const exactly = nearestExactly(all, asked, 10).map((place) => ids[place - 1]);
      t.same(index.byMeaning(1, model, asked, 10), exactly, what);
    }
  };
  agree('without those that have no vector yet');
  t.same(index.withoutVector(1, model, 3), [300, 299, 298]);
  for (let id = late; id > 0; id--) {
    index.setVector(id, model, at(id));
    present.add(id);
  }
  t.same(index.withoutVector(1, model, 3), []);
  agree('vectors that came later');
  const nearest = index.byMeaning(1, model, at(700), 3);
  t.equal(nearest[0], 700);
  const gone = [...nearest, 1, 2];
  index.transaction(() => index.remove(gone));
  for (const id of gone) present.delete(id);
  agree('what is gone is not found');
  index.close();
  index = open();
  agree('from the file');
  index.rest();
  agree('after a rest');
  t.throws(() =>
    index.transaction(() => {
      index.remove([5]);
      throw new Error('the card is full');
    }),
  );
  agree('a change that was undone');
  // A code is made of the content.
  const coder = coderOf(dimension, rotationOf(dimension, 0x42524d31), new Float32Array(dimension));
  const has = (id: number, vector: Float32Array) => {
    const db = new Database(join(dir, 'index.db'), { readonly: true });
    const blobs = db.prepare('SELECT rows FROM codes').pluck().all() as Buffer[];
    db.close();
    return blobs.some((blob) => blob.includes(Buffer.from(rowOf(coder, id, vector))));
  };
  t.ok(has(3, at(3)));
  t.notOk(has(1, at(1)), 'no code of it is left');
  index.transaction(() => index.remove(rows.map(({ id }) => id)));
  t.same(index.byMeaning(1, model, at(3), 3), []);
  t.same(index.byWords(1, 'note', 3), []);
  t.equal(index.byWords(2, 'log', 3)[0], count + 1, 'another log is as it was');
  index.add([indexed(count + 2, 'a note', at(3))]);
  t.same(index.byWords(1, 'note', 3), [count + 2], 'a log begins again');
  index.close();
});

t.test(
  'what comes is found at once, is in the file when it is written, and until then costs the card nothing',
  async (t) => {
    const { open, dir } = rig(t);
    const bytes = () => readdirSync(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    let index = open();
    const empty = bytes();
    for (let id = 1; id <= 20; id++) index.add([indexed(id, 'the garage is locked')]);
    t.equal(index.byWords(1, 'garage', 100).length, 20);
    t.equal(bytes(), empty);
    index.leave();
    index = open();
    t.same(index.byWords(1, 'garage', 100), [], 'as after a power cut: its reader begins with entry 1 again');
    t.equal(index.upto(), 0);
    for (let id = 1; id <= 20; id++) index.add([indexed(id, 'the garage is locked')]);
    index.write();
    t.ok(bytes() > empty);
    index.leave();
    index = open();
    t.equal(index.byWords(1, 'garage', 100).length, 20);
    index.close();
    writeFileSync(join(dir, 'index.db-unfinished'), '');
    index = open();
    t.same(index.byWords(1, 'garage', 100), [], 'nobody knows what is in half a file');
    index.leave();
    t.same(
      readdirSync(dir).filter((name) => name.startsWith('index')),
      ['index.db'],
    );
  },
);

t.test('no page is written before the mark that says so', async (t) => {
  const { open, dir } = rig(t);
  open().close();
  const file = join(dir, 'index.db');
  const before = readFileSync(file);
  const db = new Database(file);
  const { exec } = db;
  const marked: boolean[] = [];
  db.exec = (sql) => {
    if (sql === 'COMMIT') marked.push(existsSync(`${file}-unfinished`) && readFileSync(file).equals(before));
    return exec.call(db, sql);
  };
  const index = new IndexFile(tuned(db), dir, silentLog);
  const { at } = vectors(3_000);
  // More than what the connection holds in memory otherwise.
  for (let id = 1; id <= 3_000; id++) index.add([indexed(id, `memory number ${id}`, at(id))]);
  t.notOk(existsSync(`${file}-unfinished`));
  index.write();
  t.same(marked, [true]);
  t.notOk(existsSync(`${file}-unfinished`));
  t.notOk(readFileSync(file).equals(before));
  index.leave();
});

t.test('codes in several pieces are searched as in one', async (t) => {
  const { all, at, query } = vectors(1_000);
  const coder = coderOf(dimension, rotationOf(dimension, 1), new Float32Array(dimension));
  const codes = new HeldCodes(coder, 250);
  for (let i = 0; i < 5; i++) {
    const asked = query();
    const best = noneYet(50);
    codes.clear();
    for (let id = 1; id <= 1_000; id++) {
      const row = rowOf(coder, -id, at(id));
      if (codes.add(row)) continue;
      codes.search(asked, 50, best);
      codes.clear();
      t.ok(codes.add(row));
    }
    codes.search(asked, 50, best);
    const ids = new Set([...new Int32Array(best.ids.buffer, 0, best.count)].map((id) => -id));
    t.equal(ids.size, 50);
    t.same(
      nearestExactly(all, asked, 10).filter((id) => !ids.has(id)),
      [],
    );
  }
});

t.test('words of many memories rank those that words of few have chosen', async (t) => {
  const index = rig(t).open();
  const many = Array.from({ length: 6_000 }, (_, i) =>
    indexed(i + 1, `the door of the ${i % 3 ? 'garage' : 'cellar'} was ${i % 2 ? 'open' : 'shut'} on day ${i}`),
  );
  index.add(many);
  index.add([indexed(6_001, 'the boiler of the cellar'), indexed(6_002, 'the boiler of the attic')]);
  index.add([indexed(6_003, 'boiler cellar', undefined, 2)]);
  t.equal(index.byWords(1, 'which boiler does the cellar have', 10)[0], 6_001);
  t.same(
    index.byWords(1, 'boiler cellar', 10),
    [6_001, 6_002],
    'of its own log, and none that has the common word alone',
  );
  t.equal(index.byWords(1, 'was', 10)[0], 6_000, 'the newest of many equal ones');
  t.equal(index.byWords(1, 'was it the garage', 10).length, 10);
  t.same(index.byWords(1, 'nothing here', 10), []);
  t.same(index.byWords(3, 'boiler', 10), [], 'of a log that is not there');
  index.close();
});

t.test('property: no question is a query by accident', async (t) => {
  const index = rig(t).open();
  index.add([indexed(1, 'NEAR the text of every OR AND NOT log'), indexed(2, 'something else')]);
  const odd = fc.constantFrom(
    'NEAR(',
    '"',
    '""',
    '*',
    '^',
    ':',
    'text:',
    'every : "x"',
    '\0',
    '\ud800',
    '-',
    '{',
    ')',
    'OR',
  );
  const question = fc.array(fc.oneof(odd, fc.string({ unit: 'binary' }), fc.string()), { maxLength: 12 });
  fc.assert(
    fc.property(question, (parts) => index.byWords(1, parts.join(' '), 5).every((id) => id === 1 || id === 2)),
    { numRuns: 2_000 },
  );
  t.same(index.byWords(1, 'every', 5), [1]);
  index.close();
});
