import { unitVector } from '@blackroad/model-server/unit-vector';
import t from 'tap';

t.test('a vector is of unit length, what is none is empty', async (t) => {
  t.same(
    [...unitVector([3, 4])].map((value) => Math.round(value * 10) / 10),
    [0.6, 0.8],
  );
  t.same([...unitVector(Float32Array.of(0, -2))], [-0, -1]);
  t.equal(unitVector([1e-30, 0])[0], 1);
  for (const none of [
    [],
    [0, 0, 0],
    [null, null, null],
    [1, null],
    [1, 'x'],
    [Number.NaN, 1],
    [1e39, 1],
    null,
    undefined,
    {},
    'ab',
  ])
    t.equal(unitVector(none).length, 0, JSON.stringify(none) ?? 'undefined');
});
