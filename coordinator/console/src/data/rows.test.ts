// A channel's table under every kind of frame: parts, gaps, resumes, another life of the feed.
import t from 'tap';
import { apply, type ChannelFrame, createTable } from './rows.ts';

const epoch = 'aaaaaaaa';
const head = { channel: 'nodes', epoch, asOfMs: 1 };
const snapshot = (seq: number, part: number, parts: number, rows: object[]) =>
  ({ type: 'snapshot', ...head, seq, part, parts, rows }) as ChannelFrame;
const delta = (seq: number, change: object) =>
  ({ type: 'delta', ...head, seq, put: [], patch: [], gone: [], ...change }) as ChannelFrame;
const ids = (table: ReturnType<typeof createTable>) => [...table.rows.keys()];

t.test('a snapshot in parts replaces what was there only when it is whole', async (t) => {
  const table = createTable('id');
  apply(table, snapshot(3, 1, 1, [{ id: 'old' }, { id: 'kept', n: 1 }]));
  t.equal(table.whole, true);
  const kept = table.rows.get('kept');
  apply(table, snapshot(9, 1, 2, [{ id: 'kept', n: 1 }]));
  t.same(ids(table), ['old', 'kept'], 'the old row stands while parts come in');
  t.equal(apply(table, delta(10, { put: [{ id: 'between' }] })), 'changed');
  apply(table, snapshot(10, 2, 2, [{ id: 'last' }]));
  t.same(ids(table).sort(), ['between', 'kept', 'last']);
  t.equal(table.rows.get('kept'), kept, 'a row that did not change is the same object');
});
t.test('deltas put, patch and remove', async (t) => {
  const table = createTable('id');
  apply(table, snapshot(0, 1, 1, [{ id: 'a', cpu: 0.1, site: 'home' }, { id: 'b' }]));
  const before = table.rows.get('a');
  t.equal(
    apply(
      table,
      delta(1, {
        patch: [
          { id: 'a', cpu: 0.5 },
          { id: 'unknown', cpu: 1 },
        ],
        gone: ['b'],
      }),
    ),
    'changed',
  );
  t.same(table.rows.get('a'), { id: 'a', cpu: 0.5, site: 'home' });
  t.not(table.rows.get('a'), before);
  t.same(ids(table), ['a']);
});
t.test('a gap or another life of the feed asks to begin again', async (t) => {
  const table = createTable('id');
  t.equal(apply(table, delta(1, {})), 'again');
  apply(table, snapshot(4, 1, 1, [{ id: 'a' }]));
  t.equal(apply(table, delta(6, {})), 'again');
  t.equal(apply(table, { ...delta(5, {}), epoch: 'bbbbbbbb' } as ChannelFrame), 'again');
  t.equal(apply(table, { ...snapshot(5, 2, 2, []), epoch } as ChannelFrame), 'again', 'a part without its first');
  t.equal(apply(table, delta(5, {})), 'same');
});
t.test('resumed keeps the rows, refused empties them and says why', async (t) => {
  const table = createTable('id');
  apply(table, snapshot(4, 1, 1, [{ id: 'a' }]));
  apply(table, { type: 'resumed', ...head, seq: 4 });
  t.same(ids(table), ['a']);
  apply(table, { type: 'refused', ...head, detail: 'no such node' });
  t.same([ids(table), table.refused, table.whole], [[], 'no such node', true]);
});
t.test('a table of what comes one after the other keeps the newest', async (t) => {
  const table = createTable('id', 2);
  apply(table, snapshot(0, 1, 1, [{ id: 1 }, { id: 2 }]));
  apply(table, delta(1, { put: [{ id: 3 }] }));
  t.same(ids(table), ['2', '3']);
});
t.test('the one row of a channel without a key', async (t) => {
  const table = createTable('');
  apply(table, snapshot(0, 1, 1, [{ name: 'home', memories: 1 }]));
  apply(table, delta(1, { patch: [{ memories: 2 }] }));
  t.same(table.rows.get(''), { name: 'home', memories: 2 });
});
