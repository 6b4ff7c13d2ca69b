// Models over many nodes through the API: the catalogue with what no node has yet, orders to the nodes that are meant, pins.
import {
  Catalogue,
  type Catalogue as CatalogueAnswer,
  faults,
  type ModelOrders,
  type NodeCapacity,
} from '@blackroad/protocol';
import { shippedModels } from '@blackroad/protocol/shipped-models';
import t, { type Test } from 'tap';
import { type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const GiB = 1024 ** 3;

async function rig(t: Test) {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.coordinator.submit('models-known', { models: shippedModels });
  const [alice, bob, carol] = [await fleet.node('alice'), await fleet.node('bob'), await fleet.node('carol')];
  const report = (node: FakeNode, given: Partial<NodeCapacity>) => {
    const before = fleet.coordinator.view.live.get(node.id)?.capacity;
    node.say('nodeCapacity', {}, { ...(before as NodeCapacity), pulls: ['ollama'], ...given });
  };
  const tiny = fleet.coordinator.view.live.get('alice')?.capacity?.models[0] as NodeCapacity['models'][number];
  report(alice, {});
  report(bob, { memoryTotalBytes: 16 * GiB });
  report(carol, { memoryTotalBytes: 16 * GiB, diskFreeBytes: 2 * GiB, pulls: [] });
  const catalogue = async () => (await fleet.call<CatalogueAnswer>('GET', '/v1/catalogue')).body;
  const order = (what: string, body: object) => fleet.call<ModelOrders>('POST', `/v1/catalogue/${what}`, { body });
  return { fleet, alice, bob, carol, report, tiny, catalogue, order };
}
const row = ({ models }: CatalogueAnswer, name: string) => models.find((each) => each.name === name);

t.test('the catalogue has what no node has yet, and how it fits on each class', async (t) => {
  const { catalogue, report, bob, tiny } = await rig(t);
  const all = await catalogue();
  t.same(faults(Catalogue, all), []);
  t.match(row(all, 'qwen2.5-7b-instruct'), {
    nodesOnDisk: 0,
    tier: 'medium',
    entry: { licence: 'Apache-2.0', quantisation: 'Q4_K_M', ollama: 'qwen2.5:7b', from: 'shipped' },
    // carol has neither the disk nor a runtime that fetches.
    fits: [{ class: 'pi', nodes: 3, fitting: 3, free: 2, measured: false }],
  });
  t.match(row(all, 'llama3.3:70b'), { fits: [{ fitting: 0, free: 0 }] });
  t.equal(all.file, null);
  report(bob, {
    models: [
      tiny,
      { ...tiny, name: 'qwen2.5:7b', aliases: ['qwen2.5-7b-instruct'], sizeBytes: 5e9, residentBytes: 7 * GiB },
    ],
    evictable: ['qwen2.5:7b'],
    fetches: [{ model: 'qwen2.5:3b', status: 'pulling', completedBytes: 1, totalBytes: 2 }],
  });
  const then = await catalogue();
  t.equal(row(then, 'qwen2.5-7b-instruct'), undefined, 'one row, under the name that a node has it by');
  t.match(row(then, 'qwen2.5:7b'), {
    nodesOnDisk: 1,
    fetchedOn: 1,
    nodes: [{ node: 'bob', fetched: true }],
    sizeBytes: 5e9,
    // What bob has seen it take does not fit on alice.
    neededBytes: 7 * GiB,
    fits: [{ nodes: 3, fitting: 2, free: 0 }],
  });
  t.match(row(then, 'qwen2.5-3b-instruct'), { fetches: [{ node: 'bob', completedBytes: 1 }] });
});

t.test(
  'a fetch goes to all that lack the model and can have it, under the name that they know; each answers',
  async (t) => {
    const { alice, bob, fleet, order } = await rig(t);
    const asked: string[] = [];
    for (const node of [alice, bob])
      node.onMessage = (decoded) => {
        if (decoded.name === 'pull') asked.push(`${node.id} ${decoded.message.model}`);
      };
    alice.onCommand = (_, command) => alice.say('reply', { command }, { command, ok: true, text: 'alice fetches it.' });
    const problem = { code: 'fetch-disk', text: 'no space left on device', retryable: false };
    bob.onCommand = (_, command) => bob.say('reply', { command }, { command, ok: false, text: problem.text, problem });
    const { body } = await order('pull', { model: 'Qwen2.5-3B-instruct' });
    t.same(asked.sort(), ['alice qwen2.5:3b', 'bob qwen2.5:3b']);
    t.match(body, {
      model: 'qwen2.5:3b',
      orders: [
        { node: 'alice', ok: true, text: 'alice fetches it.' },
        { node: 'bob', ok: false, fault: 'disk', text: /no space left on device\. What helps: remove a model/ },
      ],
    });
    const alone = await fleet.problem('POST', '/v1/nodes/bob/pull', { body: { model: 'qwen2.5-3b' } });
    t.match(alone, { detail: /bob: no space left on device\. What helps: / }, 'the same words for one node');
  },
);

t.test('who is meant: by name, by class, or by what the order is good for', async (t) => {
  const { alice, bob, carol, fleet, order, report, tiny } = await rig(t);
  const asked: string[] = [];
  for (const node of [alice, bob, carol])
    node.onCommand = (name, command) => {
      asked.push(`${name} ${node.id}`);
      node.say('reply', { command }, { command, ok: true, text: 'done' });
    };
  const meant = async (what: string, body: object) => {
    asked.length = 0;
    const { status, body: answer } = await order(what, body);
    return status === 200 ? asked.sort() : (answer as unknown as { detail: string }).detail;
  };
  t.same(await meant('pull', { model: 'someone/else:1b' }), ['pull alice', 'pull bob'], 'a name of no catalogue');
  t.same(
    await meant('pull', { model: 'qwen2.5:3b', nodes: ['carol'] }),
    ['pull carol'],
    'a named node is asked in any case',
  );
  t.same(await meant('pull', { model: 'qwen2.5:3b', class: 'pi' }), ['pull alice', 'pull bob']);
  t.match(await meant('pull', { model: 'qwen2.5:3b', class: 'gpu' }), /No node of class gpu that is online lacks/);
  t.match(await meant('pull', { model: 'llama3.3:70b' }), /No node .* has memory and disk for it/);
  t.match(await meant('pull', { model: 'm', nodes: ['alise'] }), /alise.*alice/s);
  t.match(await meant('stop-pull', { model: 'qwen2.5:3b' }), /is fetching qwen2.5:3b/);
  report(bob, { fetches: [{ model: 'qwen2.5:3b', status: '', completedBytes: 0, totalBytes: 0 }] });
  t.same(await meant('stop-pull', { model: 'qwen2.5-3b-instruct' }), ['stopPull bob']);
  const mine = { ...tiny, name: 'qwen2.5:3b', resident: false };
  report(alice, { models: [tiny, mine] });
  report(bob, { models: [tiny, mine], evictable: ['qwen2.5:3b'], fetches: [] });
  t.same(await meant('remove', { model: 'qwen2.5-3b' }), ['removeModel bob'], "not alice's owner's");
  t.same(
    await meant('remove', { model: 'qwen2.5:3b', nodes: ['alice'] }),
    ['removeModel alice'],
    'unless she is named',
  );
  t.same(await meant('pull', { model: 'qwen2.5:3b', update: true }), ['pull alice', 'pull bob']);
  t.match(await meant('pull', { model: 'bge-m3', update: true }), /has bge-m3 and can fetch it/);
  t.equal(
    (await fleet.call('POST', '/v1/catalogue/remove', { body: { model: 'x' }, key: fleet.keys.viewer })).status,
    403,
  );
});

t.test('a pin is told to its nodes, shown with its model, and outlives a restart of a node', async (t) => {
  const { alice, catalogue, order, fleet } = await rig(t);
  const told: unknown[] = [];
  alice.onMessage = (decoded) => {
    if (decoded.name === 'keep') told.push(decoded.message.keep);
    if (decoded.name === 'welcome') told.push(decoded.message.keep);
  };
  const pinned = await order('pin', { model: 'qwen2.5-3b-instruct', class: 'pi', pinned: true });
  t.match(pinned.body, { model: 'qwen2.5:3b', changed: 1 });
  t.match(row(await catalogue(), 'qwen2.5-3b-instruct')?.pins, [{ node: null, class: 'pi' }]);
  alice.say('nodeState', {}, { state: 'online', boot: 'second-boot-of-alice-000' });
  const hello = { version: '0.1.0', generation: 0, agentIds: true as const, upMs: 1, held: [] };
  const { hardware } = fleet.coordinator.view.nodes.get('alice') as { hardware: string };
  alice.say('nodeHello', {}, { boot: 'second-boot-of-alice-000', hardware, ...hello });
  for (let i = 0; i < 100 && told.length < 2; i++) await new Promise((resolve) => setTimeout(resolve, 20));
  const keep = [{ model: 'qwen2.5:3b', fetch: true }];
  t.same(told, [keep, keep]);
});

t.test('an agent that names a model of the catalogue is placed where it can be fetched', async (t) => {
  const { fleet } = await rig(t);
  const spec = { name: 'ada', model: ['qwen2.5-3b-instruct'], instructions: 'x' };
  await fleet.call('PUT', '/v1/agents/ada', { body: spec });
  await fleet.call('PUT', '/v1/agents/eve', { body: { ...spec, name: 'eve', model: ['nobody-knows:1b'] } });
  for (let i = 0; i < 200 && !fleet.agent('ada')?.placement; i++)
    await new Promise((resolve) => setTimeout(resolve, 25));
  t.match(fleet.agent('ada')?.placement, { model: 'qwen2.5:3b', node: /alice|bob/ });
  t.equal(fleet.agent('eve')?.placement, null);
});
