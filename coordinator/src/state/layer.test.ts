// Layers: after any operations a layer shows the same as a plain map, order included, and the map below is unchanged. The sample fleet
// checks the same of whole views, at every change of every test of decisions.
import fc from 'fast-check';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { viewInWords } from '../../../test/fixtures/coordinator/view-in-words.ts';
import { apply } from './apply.ts';
import type { Change } from './change.ts';
import { LayerMap, LayerSet, layerOn, owned, writeThrough } from './layer.ts';

type Step = { do: 'set' | 'delete' | 'clear' | 'owned' | 'insert'; key: string; value: number };
const keys = ['a', 'b', 'c', 'd', 'e'];
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('set', 'set', 'set', 'delete', 'delete', 'owned', 'insert', 'clear'),
  key: fc.constantFrom(...keys),
  value: fc.nat(9),
});
type Rows = Map<string, number[]>;
const copy = (list: number[]): number[] => [...list];

function play(rows: Rows, { do: what, key, value }: Step): unknown {
  switch (what) {
    case 'set':
      rows.set(key, [value]);
      return null;
    case 'delete':
      return rows.delete(key);
    case 'clear':
      rows.clear();
      return null;
    case 'owned':
      return owned(rows, key, copy)?.push(value);
    case 'insert': {
      // The plain map has no `getOrInsert` on every platform, so its result is computed here.
      const before = rows.get(key);
      if (rows instanceof LayerMap) return rows.getOrInsert(key, [value]);
      if (!before) rows.set(key, [value]);
      return before ?? [value];
    }
  }
}
const shown = (rows: Rows) => ({
  size: rows.size,
  entries: [...rows],
  keys: [...rows.keys()],
  values: [...rows.values()],
  got: keys.map((key) => [rows.has(key), rows.get(key)]),
});

t.test('a layer, and a layer on it, show what a plain map would; what is below is as it was', async (t) => {
  const steps = fc.array(step, { maxLength: 12 });
  fc.assert(
    fc.property(fc.subarray(keys), steps, steps, (start, first, second) => {
      const rows = (): Rows => new Map(start.map((key) => [key, [0]]));
      const [plain, base] = [rows(), rows()];
      const layer = new LayerMap(base);
      for (const each of first) t.same(play(layer, each), play(plain, each));
      t.same(shown(layer), shown(plain));
      t.same(shown(base), shown(rows()));
      const before = JSON.stringify([...layer]);
      const upper = new LayerMap(layer as Rows);
      for (const each of second) t.same(play(upper, each), play(plain, each));
      t.same(shown(upper), shown(plain));
      t.equal(JSON.stringify([...layer]), before);
      upper.writeThrough();
      t.same(shown(layer), shown(plain));
      layer.writeThrough();
      t.same(shown(base), shown(plain));
    }),
    { numRuns: 300 },
  );
});

t.test('a layer of a set', async (t) => {
  const done = fc.array(fc.tuple(fc.constantFrom('add', 'add', 'delete', 'clear'), fc.constantFrom(...keys)));
  fc.assert(
    fc.property(fc.subarray(keys), done, (start, steps) => {
      const plain = new Set(start);
      const base = new Set(start);
      const layer = new LayerSet(base);
      for (const [what, key] of steps) {
        if (what === 'clear') for (const set of [plain, layer]) set.clear();
        else t.equal(layer[what === 'add' ? 'has' : 'delete'](key), plain[what === 'add' ? 'has' : 'delete'](key));
        if (what === 'add') for (const set of [plain, layer]) set.add(key);
      }
      t.same([layer.size, [...layer], [...layer.entries()]], [plain.size, [...plain], [...plain.entries()]]);
      t.same([...layer.union(new Set(['z']))], [...plain.union(new Set(['z']))]);
      t.same([...base], start);
      layer.writeThrough();
      t.same([...base], [...plain]);
    }),
  );
});

t.test('what is written while it is walked through is met, as in a plain map', async (t) => {
  for (const rows of [new Map([['a', 1]]), new LayerMap(new Map([['a', 1]]))]) {
    const met: string[] = [];
    rows.set('b', 1);
    for (const key of rows.keys()) {
      met.push(key);
      if (key === 'a') rows.delete('b');
      if (key === 'a') rows.set('c', 1);
    }
    t.same(met, ['a', 'c']);
  }
});

t.test('a view and a layer on it: heartbeats, tasks, faults and a clock that is set', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice', 'bob');
  fleet.runs('greeter', 'alice');
  fleet.submit('one', 'greeter');
  const { view } = fleet;
  const fault = { sinceMs: 1, untilMs: 2, strikes: 1, reason: 'no memory' };
  const changes: Change[] = [
    { type: 'seen', node: 'alice', atMs: 7 },
    { type: 'model-used', node: 'alice', model: 'small', atMs: 7 },
    { type: 'model-fault', node: 'alice', model: 'small', fault },
    { type: 'ticked', atMs: 9, resumed: true, served: 1 },
    { type: 'renewed', coordinator: 'another' },
    { type: 'tasks-moved', byMs: 1000 },
    { type: 'clock-set', byMs: 1000, resumed: false },
    { type: 'node-gone', id: 'bob' },
  ];
  const before = viewInWords(view);
  const layer = layerOn(view);
  for (const change of changes) apply(layer, change);
  t.equal(viewInWords(view), before);
  t.not(viewInWords(layer), before);
  const shown = viewInWords(layer);
  const other = layerOn(view);
  for (const change of changes) apply(other, change);
  writeThrough(other, view);
  t.equal(viewInWords(view), shown);
});
