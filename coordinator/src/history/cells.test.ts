// Figures as bytes and back: exact enough for a chart, and never the figure of another series.
import fc from 'fast-check';
import t from 'tap';
import { type Cell, combine, fromBfloat16, maxMetrics, pack, pick, seriesPerPart, toBfloat16 } from './cells.ts';

t.test('a figure is kept to three digits', async (t) => {
  for (const value of [0, 1, 0.5, 48.3, 1e9, 123_456_789, -20.5, 1e-6])
    t.ok(Math.abs(fromBfloat16(toBfloat16(value)) - value) <= Math.abs(value) / 200, `${value}`);
  t.equal(fromBfloat16(toBfloat16(Number.NaN)), 0);
  t.equal(fromBfloat16(toBfloat16(Number.POSITIVE_INFINITY)), 0);
});

const span = fc
  .tuple(fc.double({ min: -50, max: 1e9, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.nat(2))
  .map(([low, width, form]) =>
    form === 0
      ? { min: 0, mean: 0, max: 0 }
      : form === 1
        ? { min: low, mean: low, max: low }
        : { min: low, mean: low + width / 2, max: low + width },
  );
const cell: fc.Arbitrary<Cell> = fc.array(fc.option(span, { nil: null }), { maxLength: maxMetrics });
const part = fc.dictionary(fc.nat(seriesPerPart - 1).map(String), cell, { maxKeys: 20 });

t.test('what is packed is picked again', async (t) => {
  fc.assert(
    fc.property(part, (cells) => {
      const map = new Map(Object.entries(cells).map(([place, own]) => [Number(place), own]));
      const bytes = pack(map);
      for (let place = 0; place < seriesPerPart; place++) {
        for (let metric = 0; metric < maxMetrics; metric++) {
          const was = map.get(place)?.[metric] ?? null;
          const now = pick(bytes, place, metric);
          if (was === null || now === null) {
            if (was !== now)
              throw new Error(`${place}/${metric}: ${JSON.stringify(was)} became ${JSON.stringify(now)}`);
            continue;
          }
          for (const field of ['min', 'mean', 'max'] as const)
            if (now[field] !== fromBfloat16(toBfloat16(was[field])))
              throw new Error(`${field}: ${was[field]} became ${now[field]}`);
        }
      }
    }),
    { numRuns: 200 },
  );
  t.pass('for all');
});

t.test('a row cut short by a damaged disk gives what is whole, and throws nothing', async (t) => {
  const bytes = pack(
    new Map([
      [1, [{ min: 1, mean: 2, max: 3 }]],
      [2, [{ min: 4, mean: 5, max: 6 }]],
    ]),
  );
  for (let length = 0; length < bytes.length; length++) {
    t.equal(pick(bytes.subarray(0, length), 2, 0), null);
    t.equal(pick(bytes.subarray(0, length), 1, 0)?.mean, length >= 11 ? 2 : undefined);
  }
});

t.test('minutes become a quarter hour: least, mean of means, most', async (t) => {
  const minute = (min: number, mean: number, max: number) => pack(new Map([[5, [null, { min, mean, max }]]]));
  const quarter = combine([minute(1, 2, 4), minute(0, 4, 8), pack(new Map([[6, [{ min: 1, mean: 1, max: 1 }]]]))]);
  t.same(pick(quarter, 5, 1), { min: 0, mean: 3, max: 8 });
  t.equal(pick(quarter, 5, 0), null);
  t.same(pick(quarter, 6, 0), { min: 1, mean: 1, max: 1 });
  t.equal(combine([]).length, 0);
});

t.test('an idle Pi takes a few bytes a minute', async (t) => {
  const vary = (at: number) => ({ min: at * 0.9, mean: at, max: at * 1.1 });
  const zero = { min: 0, mean: 0, max: 0 };
  // In the order cpu, memory, temperature, throttled, three of a GPU, disk, received, sent, tokens, tasks.
  const pi: Cell = [
    vary(0.1),
    vary(0.4),
    vary(48),
    zero,
    null,
    null,
    null,
    vary(1e9),
    vary(900),
    vary(700),
    zero,
    zero,
  ];
  t.equal(pack(new Map([[0, pi]])).length, 5 + 6 * 6);
});
