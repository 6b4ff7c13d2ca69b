// The index of vectors: what is nearest is among its candidates, in both forms of the scan and with any number of threads; what is put, changed
// and removed is found, or not, by the next search.

import { readFileSync } from 'node:fs';
import { seededRandom } from '@blackroad/std/random';
import { layout, newMemory, pageBytes, scansOf, strideOf } from '@blackroad/std/vectors/code-scan';
import { coderOf, normOf } from '@blackroad/std/vectors/codes';
import { assembled } from '@blackroad/std/vectors/kernel/build';
import { planesStep, unitOf, writeSignTables } from '@blackroad/std/vectors/planes';
import { rotationOf } from '@blackroad/std/vectors/rotation';
import { rowTail, signGroup } from '@blackroad/std/vectors/row-tail';
import { keepBest, newFound, rowsStep, type Step } from '@blackroad/std/vectors/scan';
import { bestInFront } from '@blackroad/std/vectors/select';
import fc from 'fast-check';
import t from 'tap';
import { rowOf } from '../../../node-agent/src/memory/held-codes.ts';
import { nearestExactly, vectorSet } from '../../../test/fixtures/coordinator/vectors.ts';
import { until } from '../../../test/fixtures/until.ts';
import { CodeRows } from './code-index.ts';
import { PlaceTable } from './place-table.ts';
import { VectorIndex } from './vector-index.ts';

const dimension = 384;

t.test('the bytes of the scan are those of its text', async (t) => {
  t.equal(readFileSync(new URL('../../../std/src/vectors/kernel/bytes.ts', import.meta.url), 'utf8'), assembled());
});

function filled(kind: 'hard' | 'clustered', count: number, threads: number) {
  const set = vectorSet(kind, dimension, 3);
  const all = new Float32Array(count * dimension);
  const mean = new Float32Array(dimension);
  for (let i = 0; i < count; i++) {
    const vector = all.subarray(i * dimension, (i + 1) * dimension);
    set.next(vector);
    const norm = normOf(vector);
    for (let d = 0; d < dimension; d++) mean[d] = (mean[d] as number) + (vector[d] as number) / norm / count;
  }
  const index = new VectorIndex(dimension, mean, threads);
  for (let i = 0; i < count; i++) index.put(i + 1, i % 10, i % 3, all.subarray(i * dimension, (i + 1) * dimension));
  return { set, all, index };
}
function recall({ set, all, index }: ReturnType<typeof filled>, candidates: number): number {
  const query = new Float32Array(dimension);
  let found = 0;
  for (let i = 0; i < 10; i++) {
    set.query(query);
    const ids = new Set(index.search(query, candidates));
    found += nearestExactly(all, query, 10).filter((id) => ids.has(id)).length;
  }
  return found / 100;
}

for (const kind of ['hard', 'clustered'] as const)
  t.test(`the ten nearest of a ${kind} set are among the hundred candidates`, async (t) => {
    const rig = filled(kind, 10_000, 1);
    t.teardown(() => rig.index.close());
    t.ok(recall(rig, 100) >= 0.99);
    // Candidates decide nothing: fewer of them find less, so the figure above is no accident of a small set.
    t.ok(recall(rig, 10) < 0.99);
  });

t.test('two threads find what one finds', async (t) => {
  const one = filled('hard', 5_000, 1).index;
  const two = filled('hard', 5_000, 2).index;
  t.teardown(() => [one.close(), two.close()]);
  await until(() => two.isReady);
  t.notOk(one.isReady, 'it has no other threads');
  const query = new Float32Array(dimension);
  const set = vectorSet('hard', dimension, 9);
  for (let i = 0; i < 20; i++) {
    set.query(query);
    t.same(new Set(two.search(query, 40)), new Set(one.search(query, 40)));
  }
});

t.test('both forms of both scans give the same numbers, and what planes leave out is little', async (t) => {
  const set = vectorSet('hard', dimension, 5);
  const count = 5_001;
  const rotation = rotationOf(dimension, 1);
  const coder = coderOf(dimension, rotation, new Float32Array(dimension));
  const memory = newMemory();
  const planes = new CodeRows(memory, rotation.size);
  const stride = strideOf(coder.blocks);
  const asRows = newMemory(layout.rows / pageBytes + Math.ceil((count * stride + 4 * stride) / pageBytes));
  const vector = new Float32Array(dimension);
  for (let id = 1; id <= count; id++) {
    set.next(vector);
    planes.put(id, 0, 0, (codes) => coder.encode(vector, codes));
    new Uint8Array(asRows.buffer).set(rowOf(coder, id, vector), layout.rows + (id - 1) * stride);
  }
  const end = layout.rows + Math.ceil(count / 4) * 4 * stride;
  const view = new DataView(asRows.buffer);
  for (let at = layout.rows + count * stride; at < end; at += stride)
    view.setFloat32(at + stride - rowTail.bytes + rowTail.factor, Number.NaN, true);
  let missed = 0;
  const strays: number[] = [];
  for (let i = 0; i < 20; i++) {
    set.query(vector);
    const [inPlanes, inRows] = [memory, asRows].map(({ buffer }) => new Int8Array(buffer, layout.query, rotation.size));
    const { base, scale } = coder.query(vector, inPlanes as Int8Array);
    coder.query(vector, inRows as Int8Array);
    const unit = unitOf(rotation.size, scale, coder.spread);
    const asked = { wanted: 100, agents: 0, kinds: -1 };
    const pairs = (step: Step, buffer: ArrayBufferLike) => {
      const found = newFound();
      keepBest(step, buffer, 0, asked.wanted, found);
      return new Map(
        Array.from({ length: found.count }, (_, at) => [found.ids[at] as number, found.scores[at] as number]),
      );
    };
    const ofRows = (form: 'relaxed' | 'baseline') =>
      pairs(rowsStep(scansOf(asRows, form), layout.rows, end, { ...asked, base, blocks: coder.blocks }), asRows.buffer);
    const ofPlanes = (form: 'relaxed' | 'baseline', unit: number) => {
      const tables = writeSignTables(inPlanes as Int8Array, rotation.size, memory.buffer);
      const job = { ...asked, ...tables, size: rotation.size, unit };
      const to = Math.ceil(count / signGroup) * signGroup;
      return pairs(planesStep(scansOf(memory, form), 0, 0, to, job), memory.buffer);
    };
    const best = ofRows('relaxed');
    t.equal(best.size, 100);
    t.same(ofRows('baseline'), best);
    const whole = ofPlanes('relaxed', Number.POSITIVE_INFINITY);
    t.same(ofPlanes('baseline', Number.POSITIVE_INFINITY), whole);
    // Signs are added up in steps: less than the codes themselves stray by.
    for (const [id, score] of whole) if (best.has(id)) strays.push(((best.get(id) as number) - score) / unit);
    const found = ofPlanes('relaxed', unit);
    t.same(ofPlanes('baseline', unit), found);
    missed += [...whole.keys()].filter((id) => !found.has(id)).length;
  }
  t.ok(strays.length > 1_900, `${strays.length} of 2,000 are the same ones`);
  const stray = Math.sqrt(strays.reduce((sum, each) => sum + each ** 2, 0) / strays.length);
  t.ok(stray < 0.05, `${stray}`);
  t.ok(missed <= 12, `${missed} of 2,000`);
});

t.test('agents and kinds are chosen among, whatever their share is', async (t) => {
  const { index, set } = filled('clustered', 3_000, 1);
  t.teardown(() => index.close());
  const query = new Float32Array(dimension);
  set.query(query);
  const of = (filter: Parameters<VectorIndex['search']>[2]) => [...index.search(query, 2_000, filter)];
  const expected = (fits: (i: number) => boolean) =>
    Array.from({ length: 3_000 }, (_, i) => i)
      .filter(fits)
      .map((i) => i + 1);
  const sorted = (ids: number[]) => ids.sort((a, b) => a - b);
  t.same(
    sorted(of({ agents: new Set([7]) })),
    expected((i) => i % 10 === 7),
  );
  t.same(
    sorted(of({ kinds: 0b010 })),
    expected((i) => i % 3 === 1),
  );
  t.same(
    sorted(of({ agents: new Set([1, 2]), kinds: 0b101 })),
    expected((i) => [1, 2].includes(i % 10) && i % 3 !== 1),
  );
  t.same(of({ agents: new Set() }), []);
  t.same(of({ agents: new Set([999_999]) }), []);
});

t.test('what is put, changed and removed is what the next search sees', async (t) => {
  const random = seededRandom(1);
  const small = 40;
  const index = new VectorIndex(small, new Float32Array(small), 1);
  t.teardown(() => index.close());
  const known = new Map<number, Float32Array>();
  for (let step = 0; step < 2_000; step++) {
    const id = 1 + Math.floor(random.next() * 300);
    if (random.next() < 0.3) {
      t.equal(index.remove(id), known.delete(id));
      continue;
    }
    const vector = Float32Array.from({ length: small }, () => random.next() - 0.5);
    known.set(id, vector);
    index.put(id, 0, 0, vector);
  }
  t.equal(index.size, known.size);
  for (const [id, vector] of known) t.ok(index.search(vector, 3).includes(id));
  t.same(new Set(index.search(new Float32Array(small).fill(1), 2_000)), new Set(known.keys()));
});

t.test('vectors that are near to nothing are no candidates, and a full map of agents says so', async (t) => {
  const index = new VectorIndex(32, new Float32Array(32), 1);
  t.teardown(() => index.close());
  t.same([...index.search(new Float32Array(32).fill(1), 10)], []);
  index.put(1, 0, 0, new Float32Array(32));
  index.put(2, 0, 0, new Float32Array(32).fill(Number.NaN));
  index.put(3, 0, 0, new Float32Array(32).fill(2));
  t.same([...index.search(new Float32Array(32).fill(1), 10)], [3]);
  t.throws(() => index.put(4, layout.maxAgents, 0, new Float32Array(32).fill(1)), /at most 1048576 agents/);
});

t.test('a turned vector keeps its length and its products, for any dimension', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer(), (size, seed) => {
      const random = seededRandom(seed);
      const rotation = rotationOf(size, 4);
      const make = () => Float32Array.from({ length: size }, () => random.next() - 0.5);
      const [a, b] = [make(), make()];
      const turn = (vector: Float32Array) => {
        const target = new Float32Array(rotation.size);
        rotation.apply(vector, target, new Float32Array(rotation.size));
        return target;
      };
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
      return Math.abs(dot(turn(a), turn(b)) - dot(a, b)) < 1e-3 * (1 + size / 10);
    }),
    { numRuns: 50 },
  );
});

t.test('the best are in front, and the lowest of them is told', async () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true }), { minLength: 1, maxLength: 200 }), fc.nat(), (values, n) => {
      const scores = Float32Array.from(values);
      const ids = Uint32Array.from(values, (_, i) => i);
      const wanted = 1 + (n % values.length);
      const lowest = bestInFront(scores, ids, values.length, wanted);
      const best = Float32Array.from(values).sort().reverse().subarray(0, wanted);
      return (
        Object.is(lowest + 0, (best[wanted - 1] as number) + 0) &&
        scores.every((score, i) => Object.is(score, Math.fround(values[ids[i] as number] as number)))
      );
    }),
  );
});

t.test('a table of places is a map', async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 60 })), { maxLength: 3_000 }), (steps) => {
      const ids: number[] = [];
      const table = new PlaceTable((row) => ids[row] as number);
      const map = new Map<number, number>();
      for (const [isPut, id] of steps) {
        if (isPut && !map.has(id)) {
          map.set(id, ids.push(id) - 1);
          table.add(id, map.get(id) as number);
        } else if (!isPut) {
          table.delete(id);
          map.delete(id);
        }
        if (table.size !== map.size || table.get(id) !== map.get(id)) return false;
      }
      return [...map].every(([id, row]) => table.get(id) === row);
    }),
    { numRuns: 100 },
  );
});
