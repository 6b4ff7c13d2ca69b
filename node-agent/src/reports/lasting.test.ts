import fc from 'fast-check';
import t from 'tap';
import { createLasting, type Level } from './lasting.ts';

/** The levels reported after looks a second apart. */
function told(after: { beginsAfterMs: number; overAfterMs: number }, levels: readonly Level[]): string {
  const lasting = createLasting(after);
  return levels.map((level, i) => lasting.look(level, i * 1000) ?? '.').join('');
}

t.test('it is told when it begins, once worse, and when it has been away for long enough', async (t) => {
  const after = { beginsAfterMs: 0, overAfterMs: 2000 };
  t.equal(told(after, [0, 1, 1, 1, 0, 0, 0, 0]), '.1....0.');
  t.equal(told(after, [1, 0, 0, 1, 0, 0, 1, 0, 0, 0]), '1........0', 'what comes and goes is one trouble');
  t.equal(told(after, [1, 2, 1, 2, 1, 0, 0, 0, 1]), '12.....01', 'less bad is not over');
  t.equal(told(after, [2, 1, 2, 0, 0, 2]), '2.....');
});

t.test('one that must last is told of only when it did', async (t) => {
  const after = { beginsAfterMs: 2000, overAfterMs: 0 };
  t.equal(told(after, [1, 1, 0, 1, 1, 1, 1, 0, 0]), '.....1.0.');
  t.equal(told(after, [1, 0, 1, 0, 1, 0, 1, 0]), '........');
  t.equal(
    told({ beginsAfterMs: 2000, overAfterMs: 5000 }, [1, 1, 1, 0, 0, 2, 2, 2]),
    '..1....2',
    'each is waited for anew',
  );
});

t.test('property: however it wavers, its words are bounded by its patience', async (t) => {
  const level = fc.constantFrom<Level>(0, 1, 2);
  fc.assert(
    fc.property(fc.array(level, { maxLength: 200 }), fc.nat(3), fc.nat(9), (levels, begins, over) => {
      const words = told({ beginsAfterMs: begins * 1000, overAfterMs: over * 1000 }, levels).replaceAll('.', '');
      if (!/^(1?2?0|12?|2)*$/.test(words)) throw new Error(`${words}: an end without a beginning, or a word twice`);
      const ends = words.split('0').length - 1;
      if (ends * (begins + over) > levels.length) throw new Error(`${words} within ${levels.length} s`);
    }),
  );
  t.pass();
});
