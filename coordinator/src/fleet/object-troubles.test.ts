// What is said of an object store that needs a person.
import t from 'tap';
import type { ObjectStand } from '../state/object-stand.ts';
import { objectTroubles } from './object-troubles.ts';

const fine: ObjectStand = { trouble: null, waiting: 0, unreached: 0, faulty: null, keepsRemoved: false };
const of = (over: Partial<ObjectStand>) => objectTroubles({ objectStore: { ...fine, ...over } });

t.test('nothing, while nothing is wrong', async (t) => {
  t.same(objectTroubles({ objectStore: null }), []);
  t.same(of({}), []);
});

t.test('one for each thing that is wrong, with figures that fit', async (t) => {
  const trouble = { text: 's3://a at b does not answer: there is no way to it.', sinceMs: 7 };
  t.match(of({ trouble, waiting: 1 }), [
    { kind: 'objects-away', severity: 'error', sinceMs: 7, text: / 1 object waits on the disk/ },
  ]);
  t.match(of({ trouble, waiting: 1_200 }), [{ text: / 1,200 objects wait on the disk/ }]);
  t.match(of({ trouble }), [{ text: /Nothing waits to go there\./ }]);
  t.match(of({ unreached: 1 }), [
    { group: 'objects-unreached', title: '1 object is in an object store that is not set' },
  ]);
  t.match(of({ faulty: { count: 1, text: 'It is damaged.' } }), [
    {
      kind: 'objects-faulty',
      title: 'An object is damaged or missing',
      text: /^It is damaged\. Add the document again/,
    },
  ]);
  t.match(of({ faulty: { count: 3, text: '' } }), [{ title: '3 objects are damaged or missing' }]);
  t.match(of({ keepsRemoved: true }), [{ kind: 'objects-kept', severity: 'warning' }]);
  t.equal(
    new Set(of({ trouble, unreached: 2, faulty: { count: 2, text: '' }, keepsRemoved: true }).map(({ group }) => group))
      .size,
    4,
  );
});
