// The directory follows what nodes report: names, aliases and tiers come and go, and of many nodes some open ones are looked at.
import type { NodeModel } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import type { View } from '../state/view.ts';
import { Directory } from './directory.ts';

function rig() {
  const fleet = new SampleFleet();
  const directory = new Directory(fleet.view as View);
  const has = (id: string, ...models: NodeModel[]) => {
    if (!fleet.view.nodes.has(id)) fleet.online(id);
    fleet.capacity(id, { models });
    directory.note(id);
  };
  const nodesOf = (name: string) => directory.named(name, null).map(({ row, model }) => `${row.id} ${model.name}`);
  return { fleet, directory, has, nodesOf };
}
const small = modelOf('llama3.2:1b', { aliases: ['tiny'], parametersB: 1.2 });
const large = modelOf('llama3.3:70b', { parametersB: 70 });

t.test('a model is found by each of its names, and by its tier', async (t) => {
  const { directory, has, nodesOf } = rig();
  has('alice', small);
  has('anvil', small, large, modelOf('minilm', { kind: 'embed' }));
  t.same(nodesOf('llama3.2:1b'), ['alice llama3.2:1b', 'anvil llama3.2:1b']);
  t.same(nodesOf('TINY:latest'), ['alice llama3.2:1b', 'anvil llama3.2:1b']);
  t.same(nodesOf('nothing'), []);
  t.equal(directory.ofTier('large', 'chat', null).length, 1);
  t.equal(directory.ofTier('auto', 'chat', null).length, 3);
  t.same(
    directory.ofTier('auto', 'embed', null).map(({ model }) => model.name),
    ['minilm'],
  );
  t.same(
    directory
      .all()
      .map(({ model }) => model.name)
      .sort(),
    ['llama3.2:1b', 'llama3.3:70b', 'minilm'],
  );
});

t.test('one list, whichever node came last: weights under two names are one model', async (t) => {
  const { directory, has } = rig();
  const embedded = modelOf('tiny-1b-instruct', { aliases: ['tiny:1b'] });
  const pulled = modelOf('tiny:1b', { aliases: ['tiny-1b-instruct'] });
  const listed = () => directory.all().map(({ model }) => model.name);
  has('alice', embedded, large);
  has('anvil', pulled, modelOf('another', { aliases: ['other'] }));
  const before = listed();
  t.same(before, ['another', 'llama3.3:70b', 'tiny-1b-instruct']);
  for (const node of ['alice', 'anvil', 'alice']) {
    has(node, small);
    has(node, ...(node === 'alice' ? [embedded, large] : [pulled, modelOf('another', { aliases: ['other'] })]));
    t.same(listed(), before);
  }
});

t.test('what a node no longer reports is gone, and so is a node that was forgotten', async (t) => {
  const { fleet, directory, has, nodesOf } = rig();
  has('alice', small);
  has('alice', large);
  t.same(nodesOf('tiny'), []);
  t.same(nodesOf('llama3.3:70b'), ['alice llama3.3:70b']);
  fleet.view.nodes.delete('alice');
  directory.note('alice');
  t.same(nodesOf('llama3.3:70b'), []);
  t.same(directory.all(), []);
});

t.test('of hundreds of nodes some that take work are looked at, each time others, and the wanted one', async (t) => {
  const { fleet, directory, has } = rig();
  for (let i = 0; i < 300; i++) has(`n${i}`, small);
  for (let i = 0; i < 100; i++) fleet.apply([{ type: 'node', row: { ...fleet.node(`n${i}`), cordoned: true } }]);
  const look = () => directory.named('tiny', 'n299').map(({ row }) => row.id);
  const [first, second] = [look(), look()];
  t.equal(first.length, 64);
  t.ok(first.includes('n299') && second.includes('n299'));
  t.ok(
    first.every((id) => Number(id.slice(1)) >= 100),
    'cordoned ones are left out',
  );
  t.notSame(first, second);
});
