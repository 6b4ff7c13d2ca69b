// What an address may say: known parameters with known words; all else counts as not given.
import t from 'tap';
import { anyText, oneOf, readSearch } from './search-params.ts';

t.test('an address is read by the parameters of its page', async (t) => {
  const params = { q: anyText, tab: oneOf('now', 'what-if') };
  t.same(readSearch(params, { q: 'pi', tab: 'what-if' }), { q: 'pi', tab: 'what-if' });
  t.same(readSearch(params, {}), { q: undefined, tab: undefined });
  t.same(readSearch(params, { tab: 'gone' }), { q: undefined, tab: undefined }, 'a word of another version');
  t.same(readSearch(params, { tab: 'now', other: '1' }), { q: undefined, tab: 'now' }, 'a parameter of another page');
  t.same(readSearch(params, { q: 5 }), { q: undefined, tab: undefined }, 'no text');
});
