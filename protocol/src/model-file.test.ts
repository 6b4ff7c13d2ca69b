// The operator's file of models: what it adds and changes, and what is refused by line and field while the rest counts.
import t from 'tap';
import type { KnownModel } from './known-model.ts';
import { knownAs, knownModels } from './known-model.ts';
import { readModelFile } from './model-file.ts';
import { shippedModels } from './shipped-models.ts';
import { tierOf } from './tiers.ts';

const named = (models: readonly KnownModel[], name: string) => models.find((each) => each.name === name);
const read = (text: string) => readModelFile(text, 'models.yaml', shippedModels);

t.test('a new model needs a name and a size; the rest has a default', async (t) => {
  const { models, faults } = read('models:\n  - name: house-model:9b\n    sizeGB: 5.5\n');
  t.same(faults, []);
  t.same(models.length, shippedModels.length + 1);
  t.match(named(models, 'house-model:9b'), {
    kind: 'chat',
    title: 'house-model:9b',
    ollama: 'house-model:9b',
    sizeBytes: 5_500_000_000,
    licence: '',
    embedded: false,
    from: 'file',
  });
});

t.test('an entry of the project takes the given fields alone', async (t) => {
  const before = named(shippedModels, 'qwen2.5-7b-instruct') as KnownModel;
  const { models, faults } = read('models:\n  - name: Qwen2.5-7B-Instruct\n    tier: large\n    licence: ours\n');
  t.same(faults, []);
  const after = named(models, before.name);
  t.same(after, { ...before, tier: 'large', licence: 'ours', from: 'changed' });
  t.equal(tierOf(before).name, 'medium');
  t.equal(tierOf(after as KnownModel).name, 'large', 'a tier that a person set wins over the parameters');
});

const wrong: [text: string, fault: RegExp, counts: number][] = [
  [
    'models:\n  - name: a\n    sizeGB: big\n  - name: b\n    sizeGB: 1\n',
    /^models\.yaml:3: models\.0\.sizeGB: expected number, got "big"$/,
    1,
  ],
  ['models:\n  - name: a\n', /models\.0\.sizeGB: expected the size of a new model, got nothing$/, 0],
  ['models:\n  - sizeGB: 1\n', /models\.0\.name: expected/, 0],
  ['models:\n  - name: a\n    sizeGB: 1\n    licens: MIT\n', /^models\.yaml:4: models\.0\.licens: .*licence/, 0],
  ['models:\n  - name: a\n    sizeGB: 1\n    tier: huge\n', /tier: expected .*small.*medium.*large.*, got "huge"/, 0],
  [
    'models:\n  - name: a\n    sizeGB: 1\n  - name: A\n    sizeGB: 2\n',
    /models\.1\.name: expected each model once, got "A"/,
    1,
  ],
  ['models:\n  - a\n', /models\.0: expected object, got "a"/, 0],
  ['models: 7\n', /models: expected a list of models/, 0],
  ['modls: []\n', /modls: expected `models` alone/, 0],
  ['models:\n  - name: [\n', /expected YAML/, 0],
  ['7', /models: expected a list of models/, 0],
];
for (const [text, fault, counts] of wrong)
  t.test(`refused: ${text.replaceAll('\n', ' ')}`, async (t) => {
    const { models, faults } = read(text);
    t.ok(
      faults.some((each) => fault.test(each)),
      faults.join(' | '),
    );
    t.equal(models.length, shippedModels.length + counts, 'all other entries count');
  });

t.test('an empty file is the catalogue of the project', async (t) => {
  for (const text of ['', '# nothing yet\n', 'models: []\n']) t.same(read(text), { models: shippedModels, faults: [] });
});

t.test('the catalogue of the project: every name means one model', async (t) => {
  const owners = new Map<string, string>();
  for (const { name, ollama, aliases } of shippedModels)
    for (const each of new Set([name, ...(ollama ? [ollama] : []), ...aliases])) {
      t.equal(owners.get(each) ?? name, name, each);
      owners.set(each, name);
    }
  const known = knownModels(shippedModels);
  t.equal(knownAs(known, { name: 'Qwen2.5:7B', aliases: [] })?.name, 'qwen2.5-7b-instruct');
  t.equal(knownAs(known, { name: 'mine', aliases: ['llama3.2:latest'] })?.name, 'llama-3.2-3b-instruct');
  t.equal(knownAs(known, { name: 'mine', aliases: [] }), null);
});
