// What happens to alerts that are gone.
import type { Alert } from '@blackroad/protocol';
import t from 'tap';
import { clearedForMs, clearedNow } from './cleared.ts';

const alert = (id: string) => ({ id }) as Alert;
const ids = (cleared: { alert: Alert }[]) => cleared.map((each) => each.alert.id);

t.test('what stood and stands no more is shown as cleared for a while', async (t) => {
  const one = clearedNow([], [alert('a'), alert('b')], [alert('b')], 1000);
  t.same(ids(one), ['a']);
  const same = clearedNow(one, [alert('b')], [alert('b')], 2000);
  t.same(same, one, 'nothing happened');
  t.same(ids(clearedNow(one, [alert('b')], [], 3000)), ['b', 'a'], 'the newest first');
  t.same(clearedNow(one, [], [], 1000 + clearedForMs), []);
});
t.test('what stands again is not cleared', async (t) => {
  const one = clearedNow([], [alert('a')], [], 1000);
  t.same(clearedNow(one, [], [alert('a')], 2000), []);
});
t.test('a storm of clearings is cut', async (t) => {
  const many = Array.from({ length: 50 }, (_, i) => alert(`a${i}`));
  t.equal(clearedNow([], many, [], 1000).length, 20);
});
