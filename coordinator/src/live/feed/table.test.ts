// Channels without a socket: whatever changes while consoles come, sleep and go, each ends with the rows as they are. Seeded.
import { maxFeedDeltaRows, maxFeedNewRows, maxFeedRecentRows, maxFeedSnapshotRows } from '@blackroad/protocol';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { createDeltas } from './deltas.ts';
import { createRecent } from './recent.ts';
import { changedFields, type FeedTableState, Table } from './table.ts';

interface Row {
  id: string;
  value: number;
  tags: string[];
}
interface Follower {
  rows: Map<string, Row>;
  seq: number;
  keys: readonly string[] | null;
  /** Where its snapshot goes on; null: it is whole. */
  next: number | null;
}
const epoch = '00000000';

/** As a console reads; throws where the numbers have a gap. */
function read(follower: Follower, bytes: Buffer): void {
  const frame = JSON.parse(String(bytes));
  if (frame.type === 'snapshot') {
    if (frame.part === 1) {
      follower.rows.clear();
      follower.seq = frame.seq;
    }
    if (frame.seq !== follower.seq) throw new Error(`part ${frame.part} at ${frame.seq}, not ${follower.seq}`);
    for (const row of frame.rows) follower.rows.set(row.id, row);
    return;
  }
  if (frame.seq !== follower.seq + 1) throw new Error(`${frame.seq} came after ${follower.seq}`);
  follower.seq = frame.seq;
  for (const row of frame.put) follower.rows.set(row.id, row);
  for (const patch of frame.patch) {
    const known = follower.rows.get(patch.id);
    if (known) follower.rows.set(patch.id, { ...known, ...patch });
  }
  for (const id of frame.gone) follower.rows.delete(id);
}
function join(table: FeedTableState): Follower {
  while (!table.prime()) {}
  return { rows: new Map(), seq: -1, keys: table.keys(), next: 0 };
}
function takePart(table: FeedTableState, follower: Follower): void {
  if (follower.next === null || follower.keys === null) return;
  const { frame, next } = table.part(follower.keys, follower.next, 0);
  read(follower, frame);
  follower.next = next;
}

for (let seed = 1; seed <= 30; seed++) {
  t.test(`rows come and go while consoles do, seed ${seed}`, async (t) => {
    const random = seededRandom(seed);
    const chance = (share: number) => random.next() < share;
    const pick = (n: number) => Math.floor(random.next() * n);
    const truth = new Map<string, Row>();
    const add = (i: number) => truth.set(`r${i}`, { id: `r${i}`, value: pick(5), tags: [] });
    for (let i = 0; i < maxFeedSnapshotRows * 2.5; i++) add(i);
    const table = new Table<Row>({
      channel: 'nodes',
      epoch,
      key: 'id',
      ids: () => truth.keys(),
      line: (id) => {
        const row = truth.get(id);
        return row ? { ...row, tags: [...row.tags] } : null;
      },
    });
    const followers: Follower[] = [];
    let asleep: Follower[] = [];
    for (let step = 0; step < 200; step++) {
      for (let n = pick(20); n > 0; n--) {
        const i = pick(maxFeedSnapshotRows * 3);
        const id = `r${i}`;
        const row = truth.get(id);
        if (!row) add(i);
        else if (chance(0.3)) truth.delete(id);
        else truth.set(id, chance(0.5) ? { ...row, value: pick(5) } : { ...row, tags: [`t${pick(3)}`] });
        table.mark(id);
      }
      if (chance(0.05)) {
        // The first part goes with the keys: deltas before it are not for this one.
        const follower = join(table);
        takePart(table, follower);
        followers.push(follower);
      }
      if (chance(0.6)) for (const follower of followers) if (chance(0.7)) takePart(table, follower);
      if (chance(0.3)) {
        const delta = table.beat(0);
        if (delta) for (const follower of followers) read(follower, delta);
        if (chance(0.5)) table.forgetParts();
      }
      if (chance(0.05) && followers.length > 0) asleep.push(followers.splice(pick(followers.length), 1)[0] as Follower);
      if (chance(0.05)) {
        for (const follower of asleep) {
          const missed = follower.next === null ? table.since(follower.seq) : null;
          if (missed) for (const delta of missed) read(follower, delta);
          else {
            Object.assign(follower, join(table));
            takePart(table, follower);
          }
          followers.push(follower);
        }
        asleep = [];
      }
    }
    if (followers.length === 0) followers.push(join(table));
    for (let delta = table.beat(0); delta; delta = table.beat(0)) for (const each of followers) read(each, delta);
    const expected = [...truth.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const follower of followers) {
      while (follower.next !== null) takePart(table, follower);
      const rows = [...follower.rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      t.equal(JSON.stringify(rows), JSON.stringify(expected));
    }
  });
}

t.test('a delta is bounded: the rest waits for the next', async (t) => {
  const values = new Map<string, Row>();
  for (let i = 0; i < maxFeedDeltaRows + 10; i++) values.set(`r${i}`, { id: `r${i}`, value: 0, tags: [] });
  const table = new Table<Row>({
    channel: 'nodes',
    epoch,
    key: 'id',
    ids: () => values.keys(),
    line: (id) => ({ ...(values.get(id) as Row) }),
  });
  while (!table.prime()) {}
  for (const row of values.values()) {
    row.value = 1;
    table.mark(row.id);
  }
  const sizes = [table.beat(0), table.beat(0), table.beat(0)].map(
    (frame) => frame && JSON.parse(String(frame)).patch.length,
  );
  t.same(sizes, [maxFeedDeltaRows, 10, null]);
});

t.test('a cold table has nothing to go on from, and marks cost it nothing', async (t) => {
  let made = 0;
  const table = new Table<Row>({
    channel: 'nodes',
    epoch,
    key: 'id',
    ids: () => ['a'],
    line: () => ({ id: 'a', value: ++made, tags: [] }),
  });
  table.mark('a');
  t.equal(table.beat(0), null);
  t.equal(made, 0);
  t.equal(table.since(0), null);
  table.prime();
  const { seq } = table;
  t.same(table.since(seq), []);
  table.cool();
  table.prime();
  t.equal(table.since(seq), null, 'what it knew then is not known any more');
});

t.test('deltas are kept within their bytes, the oldest go', async (t) => {
  const deltas = createDeltas('nodes', epoch, 2_000);
  const body = { put: ['x'.repeat(300)], patch: [], gone: [] };
  for (let i = 0; i < 10; i++) deltas.add(0, body);
  t.equal(deltas.since(10)?.length, 0);
  t.equal(deltas.since(7)?.length, 3);
  t.equal(deltas.since(0), null);
  t.equal(deltas.since(11), null, 'ahead of us: of another life');
  t.equal(JSON.parse(String(deltas.since(9)?.[0])).seq, 10);
});

t.test('what comes one after the other: the newest of many', async (t) => {
  const recent = createRecent<{ id: string }>({ channel: 'tasks', epoch }, [['old', { id: 'old' }]]);
  for (let i = 0; i < maxFeedNewRows + 5; i++) recent.add(`t${i}`, { id: `t${i}` });
  recent.add('t9', { id: 't9' });
  const frame = JSON.parse(String(recent.beat(0)));
  t.equal(frame.put.length, maxFeedNewRows);
  t.equal(frame.put.at(-1).id, 't9');
  t.equal(recent.beat(0), null);
  for (let i = 0; i < maxFeedRecentRows * 2; i++) recent.add(`u${i}`, { id: `u${i}` });
  t.equal(JSON.parse(String(recent.part([], 0, 0).frame)).rows.length, maxFeedRecentRows);
});

t.test('fields that changed', async (t) => {
  t.equal(changedFields('id', { id: 'a', x: [1], y: null }, { id: 'a', x: [1], y: null }), null);
  t.same(changedFields('id', { id: 'a', x: [1], y: 2 }, { id: 'a', x: [2], y: 2 }), { id: 'a', x: [2] });
  t.same(changedFields('id', { id: 'a', x: null }, { id: 'a', x: { b: 1 } }), { id: 'a', x: { b: 1 } });
  t.same(changedFields('', { x: 1 }, {}), {}, 'a field less is a change too');
});
