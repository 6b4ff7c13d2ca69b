// Verbs of the palette: typed with or without the thing, in either order, by other words too; a name alone is no verb.
import t from 'tap';
import { namedBy, restOf } from './verbs.ts';

const drain = { text: 'Drain', words: ['empty'] };
const log = { text: 'Log of', words: ['logs', 'journal'] };

t.test('a verb and what stands beside it', async (t) => {
  t.same(restOf('drain', drain), []);
  t.same(restOf('Drain alice', drain), ['alice']);
  t.same(restOf('alice drain', drain), ['alice']);
  t.same(restOf('dr pi-3', drain), ['pi-3']);
  t.same(restOf('empty alice', drain), ['alice']);
  t.same(restOf('log of alice', log), ['alice']);
  t.same(restOf('journal', log), []);
  t.equal(restOf('alice', drain), null);
  t.equal(restOf('d', drain), null, 'one letter is no verb');
  t.equal(restOf('', drain), null);
});

t.test('things by the words beside the verb, the one at hand first', async (t) => {
  const names = ['alice', 'alice-2', 'bob', 'octavia'];
  const same = (name: string) => name;
  t.same(namedBy(names, ['alice'], same, 5), ['alice', 'alice-2']);
  t.same(namedBy(names, [], same, 2), ['alice', 'alice-2']);
  t.same(namedBy(names, [], same, 2, 'octavia'), ['octavia', 'alice']);
  t.same(namedBy(names, ['nobody'], same, 2), []);
});
