// The cost of an answer, and the price of a model on a node.
import t from 'tap';
import { costOf, mixedPrice, priceOn } from './token-price.ts';

const price = { read: 2, written: 10, cached: 0.2 };

t.test('tokens read, read again and written have their own prices', async (t) => {
  t.equal(costOf(price, { promptTokens: 1_000_000, completionTokens: 0 }), 2);
  t.equal(costOf(price, { promptTokens: 0, completionTokens: 1_000_000 }), 10);
  t.equal(costOf(price, { promptTokens: 1_000_000, cachedTokens: 500_000, completionTokens: 100_000 }), 2.1);
  const { cached: _, ...plain } = price;
  t.equal(costOf(plain, { promptTokens: 1_000_000, cachedTokens: 500_000, completionTokens: 0 }), 2);
  t.equal(costOf(price, { promptTokens: 10, cachedTokens: 1e9, completionTokens: 0 }), 2e-6, 'no more than the prompt');
  t.equal(mixedPrice(price), 4);
});

t.test('the price of a model is its own, else its node’s', async (t) => {
  const model = (name: string, of?: typeof price) => ({ name, ...(of ? { price: of } : {}) }) as never;
  t.same(priceOn({ models: [model('a', price)], pricePerMillionTokens: 4 }, 'a'), price);
  t.equal(priceOn({ models: [model('a', price), model('own')], pricePerMillionTokens: 4 }, 'own'), null);
  t.same(priceOn({ models: [model('a')], pricePerMillionTokens: 4 }, 'a'), { read: 4, written: 4 });
  t.equal(priceOn({ models: [model('a')] }, 'a'), null);
  t.equal(priceOn(null, 'a'), null);
});
