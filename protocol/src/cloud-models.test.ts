// The catalogue of paid models, and what a file of the owner changes in it.
import t from 'tap';
import { readCloudCatalogue, referenceOf, shippedCatalogue } from './cloud-models.ts';
import { explain } from './faults.ts';
import { TokenPrice } from './token-price.ts';

const price = { read: 3, written: 15 };
const own = (value: object) => readCloudCatalogue(JSON.stringify(value));

t.test('what is shipped holds together', async (t) => {
  t.equal(readCloudCatalogue(' \n'), shippedCatalogue);
  const names = shippedCatalogue.models.map(({ provider, name }) => `${provider} ${name}`);
  t.equal(new Set(names).size, names.length);
  for (const model of shippedCatalogue.models) {
    t.equal(explain(TokenPrice, model.price), '', model.name);
    t.equal(model.kind === 'embed', model.dimension !== undefined, model.name);
  }
  for (const kind of ['small', 'medium', 'large', 'embed'] as const)
    t.equal(referenceOf(shippedCatalogue, kind)?.name, shippedCatalogue.reference[kind]);
});

t.test('a file adds models, corrects prices and chooses what is compared with', async (t) => {
  const read = own({
    models: [
      { provider: 'openai', name: 'gpt-6-sol', tier: 'large', contextTokens: 100_000, price },
      { provider: 'anthropic', name: 'house-model', contextTokens: 8_000, price },
    ],
    reference: { medium: 'house-model' },
  });
  if ('fault' in read) throw new Error(read.fault);
  t.equal(read.models.length, shippedCatalogue.models.length + 1);
  t.match(referenceOf(read, 'large'), { name: 'gpt-6-sol', price });
  t.match(referenceOf(read, 'medium'), { name: 'house-model', kind: 'chat', tier: 'medium' });
  t.equal(read.reference.small, shippedCatalogue.reference.small);
});

t.test('a fault names the field', async (t) => {
  const model = { provider: 'openai', name: 'm', contextTokens: 1000, price };
  const rows: [unknown, RegExp][] = [
    [[], /\(root\): expected object/],
    [{ models: [{ ...model, provider: 'closed' }] }, /models\.0\.provider: expected .*openai.*got "closed"/],
    [{ models: [{ ...model, price: { read: -1, written: 2 } }] }, /models\.0\.price\.read: expected .*got -1/],
    [{ models: [{ ...model, prise: 1 }] }, /prise/],
    [{ reference: { small: 'nowhere' } }, /reference\.small: expected a model of the catalogue, got "nowhere"/],
    [{ reference: { embed: 'gpt-6-sol' } }, /reference\.embed/],
  ];
  for (const [value, fault] of rows) t.match(own(value as object), { fault });
  t.match(readCloudCatalogue('{'), { fault: /expected JSON/ });
});
