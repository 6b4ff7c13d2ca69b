// Line by line, under texts of every shape.
import fc from 'fast-check';
import t from 'tap';
import { diff, folded } from './diff.ts';

const shown = (left: string, right: string) =>
  diff(left, right).map(({ left, right, same }) => `${left?.text ?? '·'} ${same ? '=' : '|'} ${right?.text ?? '·'}`);

t.test('what was changed stands beside each other', async (t) => {
  t.same(shown('a\nb\nc', 'a\nx\nc'), ['a = a', 'b | x', 'c = c']);
  t.same(shown('a\nc', 'a\nb\nc'), ['a = a', '· | b', 'c = c']);
  t.same(shown('a\nb\nc', 'a'), ['a = a', 'b | ·', 'c | ·']);
  t.same(shown('a', 'a\n'), ['a = a']);
});
t.test('both sides come back whole, and equal lines are told as such', async () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 30 }).map((l) => l.join('\n'));
  fc.assert(
    fc.property(text, text, (left, right) => {
      const rows = diff(left, right);
      const side = (of: 'left' | 'right') => rows.flatMap((row) => row[of]?.text ?? []).join('\n');
      const honest = rows.every((row) => !row.same || row.left?.text === row.right?.text);
      return (
        side('left') === left && side('right') === right && honest && (left !== right || rows.every((r) => r.same))
      );
    }),
  );
});
t.test('long runs are folded', async (t) => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  const rows = folded(diff(lines.join('\n'), [...lines.slice(0, 10), 'new', ...lines.slice(10)].join('\n')), 2);
  t.same(
    rows.map((row) => (typeof row === 'number' ? row : (row.right?.text ?? null))),
    [8, 'line 8', 'line 9', 'new', 'line 10', 'line 11', 8],
  );
  t.same(folded(diff('a\nb', 'a\nb')), [2]);
});
