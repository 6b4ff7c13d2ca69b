// Lists over the whole fleet through the API: the catalogue of models, branches to merge, and changes of many nodes at once.
import {
  BranchView,
  Catalogue,
  type Catalogue as CatalogueAnswer,
  faults,
  maxNodesPerBulk,
  type NodeView,
} from '@blackroad/protocol';
import { whole } from '@blackroad/std/pace';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import type { View } from '../state/view.ts';
import { catalogue } from './catalogue.ts';

t.test('the catalogue: where a model is, how fast, and who uses it', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  await fleet.node('bob');
  const { capacity } = fleet.coordinator.view.live.get('alice') as unknown as { capacity: { models: object[] } };
  const [tiny] = capacity.models as [object];
  const idle = {
    ...tiny,
    name: 'big',
    aliases: ['grande'],
    resident: false,
    residentBytes: 0,
    sizeBytes: 9e9,
    slots: 1,
  };
  alice.say('nodeCapacity', {}, {
    ...capacity,
    models: [{ ...tiny, speed: { prefillTps: 300, decodeTps: 40, samples: 9 } }, idle],
  } as never);
  for (const [name, model] of Object.entries({ a: ['tiny'], b: ['grande', 'tiny'], c: ['nowhere'], d: ['auto'] }))
    await fleet.call('PUT', `/v1/agents/${name}`, { body: { name, model, instructions: 'x' } });
  const { body } = await fleet.call<CatalogueAnswer>('GET', '/v1/catalogue', { key: fleet.keys.viewer });
  t.same(faults(Catalogue, body), []);
  t.same(
    body.models.map(({ name }) => name),
    ['big', 'tiny'],
  );
  t.match(body.models[0], {
    nodesOnDisk: 1,
    nodesResident: 0,
    agents: { wanting: 1 },
    nodes: [{ node: 'alice', resident: false }],
  });
  t.match(body.models[1], {
    nodesOnDisk: 2,
    nodesResident: 2,
    classes: [{ class: 'pi', nodes: 2, resident: 2, decodeTps: 30, measured: 2 }],
    agents: { wanting: 2 },
  });
  t.same(body.missing, [{ name: 'nowhere', agents: 1 }]);
});

t.test('a model on a thousand nodes names a few of them, resident ones first', async (t) => {
  const fleet = new SampleFleet();
  const model = {
    name: 'm',
    aliases: [],
    runtime: 'ollama' as const,
    kind: 'chat' as const,
    sizeBytes: 1,
    contextTokens: 1,
    residentBytes: 1,
    parametersB: 1,
    slots: 1,
    tools: false,
    speed: { prefillTps: 1, decodeTps: 1, samples: 0 },
  };
  for (let i = 0; i < 300; i++) {
    const id = `n${i}`;
    fleet.addNode(id);
    const capacity = {
      boot: 'b',
      memoryTotalBytes: 1,
      memoryFreeBytes: 1,
      diskFreeBytes: 1,
      models: [{ ...model, resident: i >= 290 }],
      defaultChat: null,
      embedder: null,
    };
    fleet.apply([{ type: 'capacity', node: id, capacity }]);
  }
  const [only] = whole(catalogue(fleet.view as View)).models;
  t.match(only, { nodesOnDisk: 300, nodesResident: 10 });
  t.equal(only?.nodes.length, 100);
  t.ok(only?.nodes.slice(0, 10).every(({ resident }) => resident));
});

t.test('branches that wait to be merged, oldest first', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  for (const name of ['echo', 'prism'])
    await fleet.call('PUT', `/v1/agents/${name}`, { body: { name, model: ['auto'], instructions: 'Be brief.' } });
  const view = fleet.coordinator.view as unknown as { branches: Map<string, object> };
  const branch = (id: string, agent: string, receivedMs: number) =>
    view.branches.set(id, {
      id,
      space: 'default',
      agent: fleet.agent(agent)?.id,
      node: 'alice',
      epoch: 1,
      fromSeq: 4,
      uptoSeq: 9,
      complete: true,
      merged: false,
      receivedMs,
    });
  branch('one', 'echo', 2);
  branch('two', 'prism', 1);
  const { body } = await fleet.call<{ id: string }[]>('GET', '/v1/branches');
  for (const row of body) t.same(faults(BranchView, row), []);
  t.same(
    body.map(({ id }) => id),
    ['two', 'one'],
  );
  t.match((await fleet.call('GET', '/v1/branches?agent=echo')).body, [{ id: 'one', agent: 'echo', mergedUpto: null }]);
});

t.test('nodes are read a page at a time', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  for (const id of ['c', 'a', 'd', 'b']) await fleet.node(id);
  const page = async (query: string) =>
    (await fleet.call<NodeView[]>('GET', `/v1/nodes?${query}`)).body.map(({ id }) => id);
  t.same(await page('limit=2'), ['a', 'b']);
  await fleet.call('DELETE', '/v1/nodes/b');
  t.same(await page('limit=2&after=b'), ['c', 'd'], 'the end of a page may be gone');
  t.same(await page('after=d'), []);
  t.equal((await page('')).length, 3);
  for (const wrong of ['limit=0', 'limit=1001', 'after=A%2F'])
    t.match((await fleet.call('GET', `/v1/nodes?${wrong}`)).body, { code: 'invalid-request' });
});

t.test('many nodes at once: done or not known, each in the audit log', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  for (const id of ['a', 'b', 'c']) await fleet.node(id);
  const bulk = (body: object, key = fleet.keys.operator) => fleet.call('POST', '/v1/nodes/bulk', { body, key });
  t.match(await bulk({ nodes: ['a', 'b', 'a', 'nobody'], cordoned: true }), {
    status: 200,
    body: { changed: 2, unknown: ['nobody'] },
  });
  t.match((await bulk({ nodes: ['a', 'b', 'c'], cordoned: true, draining: true })).body, {
    changed: 3,
    unknown: { length: 0 },
  });
  const { body } = await fleet.call<NodeView[]>('GET', '/v1/nodes');
  t.ok(body.every(({ cordoned, draining }) => cordoned && draining));
  const audit = await fleet.call<{ action: string; subject: string }[]>('GET', '/v1/audit');
  t.equal(audit.body.filter(({ action }) => action === 'node-cordon').length, 3);
  t.match((await bulk({ nodes: ['a'] })).body, { code: 'invalid-request' }, 'nothing to do');
  t.match((await bulk({ cordoned: true, draining: true })).body, { code: 'invalid-request' });
  const many = Array.from({ length: maxNodesPerBulk + 1 }, (_, i) => `n${i}`);
  t.match((await bulk({ nodes: many, cordoned: true })).body, { code: 'invalid-request' });
  t.match((await bulk({ nodes: ['a'], cordoned: false }, fleet.keys.viewer)).body, { code: 'not-allowed' });
});
