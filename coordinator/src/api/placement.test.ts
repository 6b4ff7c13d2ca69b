// Placement over HTTP: the reason of an agent's place, what-if questions, and unloading a model.
import {
  type Alert,
  type Catalogue,
  faults,
  type PlacementExplained,
  type RouteName,
  type RouteRow,
  routes,
  type WhatIfPlan,
} from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, type FakeNode, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/until.ts';

const fleet: ApiFleet = await openApiFleet();
t.teardown(() => fleet.close());
const alice = await fleet.node('alice');
const aria = await fleet.node('aria');
const spec = (name: string, more: object = {}) => ({ name, model: ['auto'], instructions: 'Greet.', ...more });
for (const body of [spec('greeter'), spec('painter', { model: ['flux'] })])
  await fleet.call('PUT', `/v1/agents/${body.name}`, { body });
await fleet.call('PUT', '/v1/nodes/aria', { body: { site: 'garage' } });
await until(async () => fleet.agent('greeter')?.placement != null);
await until(async () => fleet.agent('painter')?.unplaced != null);

async function ask<T>(name: RouteName, path: string, options: Parameters<typeof fleet.call>[2] = {}): Promise<T> {
  const row: RouteRow = routes[name];
  const { status, body } = await fleet.call<T>(row.method, path, { key: fleet.keys.viewer, ...options });
  t.equal(status, 200, `${name}: ${JSON.stringify(body).slice(0, 300)}`);
  t.same(faults(row.answer!, body), [], `${name} answers what its row says`);
  return body;
}
const whatIf = (body: object) => ask<WhatIfPlan>('whatIf', '/v1/plan', { body });

t.test('explain: a viewer may ask of a placed and of an unplaced agent', async (t) => {
  const why = await ask<PlacementExplained>('agentExplain', '/v1/agents/greeter/explain');
  const { node } = why;
  t.match(why, { agent: 'greeter', here: { node, isHere: true, model: 'tiny' }, unplaced: null, pending: null });
  t.match(why.text, `greeter is on ${node} with tiny`);
  t.same(
    why.others.map((other) => other.node),
    [node === 'alice' ? 'aria' : 'alice'],
  );
  t.match(why.classes, [{ class: 'pi', nodes: 2, wouldTake: 2, refused: { length: 0 } }]);

  const nowhere = await ask<PlacementExplained>('agentExplain', '/v1/agents/painter/explain');
  t.match(nowhere, {
    node: null,
    here: null,
    others: { length: 0 },
    unplaced: { text: /flux/, fix: [[{ verb: /\w/ }]] },
  });
  t.match(nowhere.classes, [
    { wouldTake: 0, refused: [{ filter: 'model', nodes: 2, text: /^alice: .*flux.* \(and 1 more\)/ }] },
  ]);
  await fleet.call('PUT', '/v1/agents/upper', { body: spec('upper', { model: ['Tiny:latest'] }) });
  await until(async () => fleet.agent('upper')?.placement != null);
  t.equal(fleet.agent('upper')?.placement?.model, 'tiny', 'its own name for it');
  const { missing, models } = await ask<Catalogue>('catalogue', '/v1/catalogue');
  t.notOk(missing.some(({ name }) => name === 'Tiny:latest'));
  t.match(models.find(({ name }) => name === 'tiny')?.agents, { wanting: 1 });
  await fleet.call('DELETE', '/v1/agents/upper');
  t.match(await fleet.problem('GET', '/v1/agents/greter/explain'), {
    code: 'no-such-agent',
    detail: /did you mean greeter/,
  });
});

t.test('what if: a viewer may ask, and nothing is touched', async (t) => {
  const before = JSON.stringify([...fleet.coordinator.view.agents.values()]);
  const { node } = (await fleet.call<{ node: string }>('GET', '/v1/agents/greeter')).body;
  const other = node === 'alice' ? 'aria' : 'alice';
  const plan = await whatIf({ add: [{ spec: spec('greeter'), count: 3 }], lose: [{ node }] });
  t.match(plan, { nodesLost: 1, agentsAdded: 3, placed: 3, moved: 1, displaced: 0, unplaced: { length: 0 } });
  t.same(plan.moves.map(({ agent, from, to }) => [agent, from, to]).sort(), [
    ['greeter', node, other],
    ['greeter-1', null, other],
    ['greeter-2', null, other],
    ['greeter-3', null, other],
  ]);
  t.match(plan.nodes, [
    { node, lost: true, before: { agents: 1, models: ['tiny'] }, after: { agents: 0 } },
    { node: other, lost: false, before: { agents: 0 }, after: { agents: 4, models: ['tiny'] } },
  ]);
  t.match(await whatIf({ drain: [{ site: 'garage' }] }), { nodesLost: 0, agentsAdded: 0, displaced: 0 });
  t.match(await whatIf({ lose: [{ class: 'pi' }] }), {
    nodesLost: 2,
    moved: 0,
    displaced: 1,
    unplaced: [{ agents: 1, example: 'greeter', text: /\w/, fix: [[{ verb: /\w/ }]] }],
  });
  t.equal(JSON.stringify([...fleet.coordinator.view.agents.values()]), before);
});

t.test('a drain that cannot end: the plan knows it beforehand, the node and an alert say it afterwards', async (t) => {
  const { node } = (await fleet.call<{ node: string }>('GET', '/v1/agents/greeter')).body;
  const other = node === 'alice' ? 'aria' : 'alice';
  const edit = (id: string, body: object) => fleet.call('PUT', `/v1/nodes/${id}`, { body });
  const staying = async () => (await fleet.call<{ staying: number }>('GET', `/v1/nodes/${node}`)).body.staying;
  const alert = async () =>
    (await fleet.call<Alert[]>('GET', '/v1/alerts')).body.find(({ kind }) => kind === 'drain-stays');
  t.match(await whatIf({ drain: [{ node }] }), { moved: 1, staying: 0, unplaced: { length: 0 } });
  await edit(other, { cordoned: true });
  t.match(await whatIf({ drain: [{ node }] }), {
    moved: 0,
    displaced: 0,
    staying: 1,
    unplaced: [{ agents: 1, example: 'greeter', fix: [[{ verb: 'uncordon-node', node: other }]] }],
  });
  t.equal(await staying(), 0);
  t.equal(await alert(), undefined);
  await edit(node, { draining: true });
  await until(async () => (await staying()) === 1);
  t.match(await alert(), {
    title: `${node} drains, and greeter has no other place`,
    nodes: [node],
    actions: [{ verb: 'uncordon-node', node: other }, { verb: 'open-agent' }, { verb: 'open-node' }],
  });
  await edit(node, { draining: false });
  t.equal(await staying(), 0);
  t.equal(await alert(), undefined, 'gone with its cause');
  await edit(other, { cordoned: false });
});

t.test('a question that cannot be asked is refused by its field', async (t) => {
  const refused = async (body: object, words: string | RegExp) =>
    t.match(await fleet.problem('POST', '/v1/plan', { body }), { code: 'invalid-request', detail: words });
  await refused(
    { lose: [{ node: 'alice' }, { site: 'moon', labels: { room: 'attic' } }] },
    'body: lose.1: expected a node of the fleet, got none with site moon and label room=attic',
  );
  await refused(
    { drain: [{ node: 'nobody' }] },
    'body: drain.0: expected a node of the fleet, got none with node nobody',
  );
  await refused({ lose: [{}] }, /lose\.0/);
  await refused({ lose: [{ rack: '1' }] }, /lose\.0\.rack/);
  await refused({ add: [{ spec: { name: 'x' } }] }, /add\.0\.spec\.model/);
  const most = [{ spec: spec('x'), count: 100_000 }];
  await refused({ add: most }, /body: add: expected at most 99998 agents .*, got 100000/);
});

t.test('only so many questions at once: each holds a picture of the fleet', async (t) => {
  const body = { add: [{ spec: spec('worker', { model: ['flux'] }), count: 20_000 }] };
  const answers = await Promise.all(Array.from({ length: 8 }, () => fleet.call('POST', '/v1/plan', { body })));
  const statuses = answers.map(({ status }) => status);
  t.ok(statuses.includes(200) && statuses.includes(503), statuses.join());
  t.match(answers.find(({ status }) => status === 503)?.body, { code: 'unavailable', retryAfterSeconds: 1 });
  t.match(await whatIf({ lose: [{ node: 'alice' }] }), { nodesLost: 1 }, 'and afterwards it answers again');
});

t.test('unload: refused while an agent there needs the model, else the node is told', async (t) => {
  const { node } = (await fleet.call<{ node: string }>('GET', '/v1/agents/greeter')).body;
  const [busy, free] = node === 'alice' ? [alice, aria] : [aria, alice];
  const path = (at: FakeNode) => `/v1/nodes/${at.id}/unload`;
  const heard: string[] = [];
  for (const each of [busy, free]) {
    each.onCommand = (name, command) => {
      heard.push(`${each.id} ${name}`);
      each.say('reply', { command }, { command, ok: true });
    };
  }
  const body = { model: 'tiny' };
  t.match(await fleet.problem('POST', path(busy), { body }), {
    code: 'conflict',
    detail: new RegExp(`tiny is in use on ${busy.id} by greeter`),
  });
  t.match(await fleet.call('POST', path(free), { body }), {
    status: 200,
    body: { text: `tiny is unloaded from the memory of ${free.id}.` },
  });
  t.same(heard, [`${free.id} unload`]);
  t.match(await fleet.problem('POST', path(free), { body: { model: 'flux' } }), {
    code: 'invalid-request',
    detail: `body: model: expected a model of ${free.id} (tiny), got "flux"`,
  });
  t.match(await fleet.problem('POST', '/v1/nodes/nobody/unload', { body }), { code: 'no-such-node' });
  t.match(await fleet.problem('POST', path(free), { body, key: fleet.keys.viewer }), { code: 'not-allowed' });
  t.match((await fleet.call('GET', '/v1/audit?limit=5')).body, [{ action: 'node-unload', subject: free.id }]);
});
