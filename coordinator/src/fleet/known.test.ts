// What the catalogue adds to the reports of nodes, and takes back.
import { knownModels, type NodeCapacity, type NodeModel } from '@blackroad/protocol';
import { shippedModels } from '@blackroad/protocol/shipped-models';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { fetchedAs, learnKnown, withKnown } from './known.ts';

const model = (given: Partial<NodeModel>): NodeModel => ({
  name: 'qwen2.5-7b-instruct',
  aliases: [],
  runtime: 'openai',
  kind: 'chat',
  sizeBytes: 0,
  contextTokens: 1,
  resident: true,
  residentBytes: 0,
  parametersB: 0,
  slots: 1,
  tools: false,
  speed: { prefillTps: 0, decodeTps: 0, samples: 0 },
  ...given,
});
const capacity = (...models: NodeModel[]): NodeCapacity => ({
  boot: 'b',
  memoryTotalBytes: 1,
  memoryFreeBytes: 1,
  diskFreeBytes: 1,
  models,
  defaultChat: null,
  embedder: null,
});
const known = knownModels(shippedModels);
const large = knownModels(shippedModels.map((each) => ({ ...each, tier: 'large' as const })));

t.test('a server that tells neither size nor parameters gets those of the catalogue', async (t) => {
  const [told] = withKnown(known, capacity(model({}))).models;
  t.match(told, { sizeBytes: 4_683_074_240, parametersB: 7.62 });
  t.notOk('tier' in (told as object), 'its parameters say the tier');
  const [own] = withKnown(known, capacity(model({ sizeBytes: 5, parametersB: 9 }))).models;
  t.match(own, { sizeBytes: 5, parametersB: 9 }, 'what the node says wins');
  t.equal(withKnown(known, capacity(model({ name: 'gemma3:4b', sizeBytes: 1, parametersB: 1 }))).models[0]?.sees, true);
});

t.test('a tier is that of the catalogue alone', async (t) => {
  const given = capacity(model({ sizeBytes: 1, parametersB: 1, tier: 'small' }));
  t.equal(withKnown(large, given).models[0]?.tier, 'large');
  t.notOk('tier' in (withKnown(known, given).models[0] as object), 'a node sets none');
  const plain = capacity(model({ name: 'house', sizeBytes: 1, parametersB: 1 }));
  t.equal(withKnown(large, plain), plain, 'the same report where nothing differs');
});

t.test('a new catalogue is written to the reports of all nodes', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  fleet.apply([{ type: 'capacity', node: 'alice', capacity: capacity(model({ sizeBytes: 1, parametersB: 1 })) }]);
  const read = (models: typeof shippedModels) =>
    fleet.apply(learnKnown(fleet.view, { models }, fleet.now, fleet.policy).changes);
  read(large.list);
  const tier = () => fleet.view.live.get('alice')?.capacity?.models[0]?.tier;
  t.equal(tier(), 'large');
  t.equal(fleet.view.known.list, large.list);
  read(shippedModels);
  t.equal(tier(), undefined, 'and taken back');
});

t.test('names are those that nodes fetch by', async (t) => {
  t.equal(fetchedAs(known, 'llama-3.2-3b-instruct'), 'llama3.2:3b');
  t.equal(fetchedAs(known, 'LLAMA3.2'), 'llama3.2:3b');
  t.equal(fetchedAs(known, ' someone/else:1b '), 'someone/else:1b');
});
