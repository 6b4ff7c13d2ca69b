import t from 'tap';
import { TokenRates } from './token-rates.ts';

t.test('tokens of the last minute, spread over it', async (t) => {
  const rates = new TokenRates(0);
  rates.add('alice', 120);
  rates.add('alice', 60);
  rates.add('bob', 60);
  t.equal(rates.of('alice'), 3);
  t.equal(rates.all(), 4);
  t.same(rates.turn(9_000), []);
  t.same(rates.turn(50_000), []);
  rates.add('alice', 60);
  t.equal(rates.of('alice'), 4);
  t.same(rates.turn(60_000).sort(), ['alice', 'bob'], 'the first ten seconds are over');
  t.equal(rates.of('alice'), 1);
  t.equal(rates.of('bob'), 0);
  t.same(rates.turn(10_000_000), ['alice'], 'after a long pause');
  t.equal(rates.all(), 0);
});
