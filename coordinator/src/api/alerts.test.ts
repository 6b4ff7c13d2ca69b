// Alerts over the real API: they begin and end with their cause, equal troubles are one alert, and an acknowledged alert is not announced
// again.
import type { AgentView, Alert, FleetTotals, NodeCapacity, NodeLine, NodeView } from '@blackroad/protocol';
import { Alert as AlertSchema, coordinatorSelf, faults, fixInWords } from '@blackroad/protocol';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { openConsole } from '../../../test/fixtures/coordinator/open-console.ts';
import { until } from '../../../test/fixtures/until.ts';

async function alerts(fleet: ApiFleet, kind?: string): Promise<Alert[]> {
  const { body } = await fleet.call<Alert[]>('GET', '/v1/alerts');
  return kind === undefined ? body : body.filter((alert) => alert.kind === kind);
}
function sick(fleet: ApiFleet, node: Awaited<ReturnType<ApiFleet['node']>>, over: object) {
  const { health } = fleet.coordinator.view.live.get(node.id) as { health: object };
  node.say('nodeHealth', {}, { ...health, ...over } as never);
  return fleet.coordinator.submit('audit', { by: coordinatorSelf, action: 'other', params: { action: 'sync' } });
}

t.test('bad health: alike nodes of a site are one alert, and it goes when they are well', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const [alice, bob] = [await fleet.node('alice'), await fleet.node('bob')];
  t.same(await alerts(fleet), []);
  await sick(fleet, alice, { temperatureC: 88, undervoltage: { now: true, sinceBoot: true } });
  const two = await alerts(fleet, 'node-condition');
  t.same(two.map(({ title }) => title).sort(), [
    'alice: overheated: 88 °C; it needs cooling',
    'alice: power supply too weak: undervoltage now',
  ]);
  for (const alert of two) t.same(faults(AlertSchema, alert), []);
  t.ok(two.every(({ actions }) => actions.some(({ verb, node }) => verb === 'drain-node' && node === 'alice')));
  await sick(fleet, bob, { temperatureC: 91 });
  const hot = (await alerts(fleet)).find(({ id }) => id === 'node-condition:home:overheated');
  t.match(hot, { count: 2, nodes: ['alice', 'bob'], severity: 'error', title: '2 nodes of home: overheated' });
  await sick(fleet, alice, { temperatureC: 50, undervoltage: { now: false, sinceBoot: false } });
  await sick(fleet, bob, { temperatureC: 50 });
  t.same(await alerts(fleet), []);
});

t.test('a machine without a model is no fine machine: nodes, console and alerts say so until it has one', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const vm = await fleet.node('vm');
  const console = openConsole(fleet.port, { authorization: `Bearer ${fleet.keys.viewer}` });
  t.teardown(() => console.socket.terminate());
  console.subscribe('nodes');
  await console.until(() => console.row<NodeLine>('nodes', 'vm')?.condition === null);
  const { capacity } = fleet.coordinator.view.live.get('vm') as unknown as { capacity: NodeCapacity };
  const noModel = 'no Ollama answers at http://127.0.0.1:11434';
  vm.say('nodeCapacity', {}, { ...capacity, models: [], defaultChat: null, noModel });
  const text = `no model: ${noModel}`;
  await console.until(() => console.row<NodeLine>('nodes', 'vm')?.condition?.code === 'no-model');
  const { body } = await fleet.call<NodeView>('GET', '/v1/nodes/vm');
  t.same(body.conditions, [{ code: 'no-model', severity: 'warning', text }]);
  t.match(await alerts(fleet, 'node-condition'), [
    { id: 'node-condition:home:no-model', code: 'no-model', title: `vm: ${text}`, text: /Agents there cannot answer/ },
  ]);
  vm.say('nodeCapacity', {}, capacity);
  await console.until(() => console.row<NodeLine>('nodes', 'vm')?.condition === null);
  t.same(await alerts(fleet), []);
});

t.test('acknowledged until the alert grows or its cause is gone', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const [alice, bob] = [await fleet.node('alice'), await fleet.node('bob')];
  await sick(fleet, alice, { diskFreeBytes: 1e9 });
  const id = (await alerts(fleet))[0]?.id as string;
  const path = `/v1/alerts/${id}/ack`;
  t.match(await fleet.problem('POST', path, { key: fleet.keys.viewer, body: {} }), { code: 'not-allowed' });
  const console = openConsole(fleet.port, { authorization: `Bearer ${fleet.keys.viewer}` });
  t.teardown(() => console.socket.terminate());
  console.subscribe('alerts', 'nodes', 'totals');
  await console.until(() => console.row('alerts', id));
  const { body } = await fleet.call<Alert>('POST', path, { key: fleet.keys.operator, body: { note: 'card ordered' } });
  t.match(body.acknowledged, { by: 'key:operator', note: 'card ordered' });
  await console.until(() => console.row<Alert>('alerts', id)?.acknowledged?.note === 'card ordered');
  t.equal((await alerts(fleet))[0]?.acknowledged?.by, 'key:operator');
  await sick(fleet, bob, { diskFreeBytes: 1e9 });
  t.match(await alerts(fleet), [{ id, count: 2, acknowledged: null }], 'two are news');
  await fleet.call('POST', path, { body: {} });
  await fleet.call('DELETE', path);
  t.match(await alerts(fleet), [{ id, acknowledged: null }]);
  t.match(await fleet.problem('DELETE', path), { code: 'conflict' });
  t.match(await fleet.problem('POST', '/v1/alerts/node-lost:mars/ack', { body: {} }), { code: 'no-such-alert' });
  const audit = await fleet.call<{ action: string }[]>('GET', '/v1/audit');
  t.ok(audit.body.some(({ action }) => action === 'alert-ack'));

  await sick(fleet, alice, { diskFreeBytes: 5e10 });
  await sick(fleet, bob, { diskFreeBytes: 5e10 });
  await console.until(() => !console.row('alerts', id));
  t.ok(console.row<NodeLine>('nodes', 'alice'));
  t.ok(console.row<FleetTotals>('totals', ''));
  t.same(console.complaints, []);
});

t.test('agents without a node, with the fix as a button', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  await fleet.call('PUT', '/v1/nodes/alice', { body: { cordoned: true } });
  for (const name of ['one', 'two'])
    await fleet.call('PUT', `/v1/agents/${name}`, { body: { name, model: ['tiny'], instructions: 'x' } });
  const console = openConsole(fleet.port, { authorization: `Bearer ${fleet.keys.viewer}` });
  t.teardown(() => console.socket.terminate());
  console.subscribe('agents');
  await console.until(() => console.rows<{ text: string }>('agents').filter(({ text }) => text).length === 2);
  t.same(await alerts(fleet, 'agent-unplaced'), [], 'just applied: it is about to be placed');
  fleet.skip(6_000);
  const [unplaced] = await alerts(fleet, 'agent-unplaced');
  t.match(unplaced, { count: 2, agents: ['one', 'two'], severity: 'error' });
  t.match(unplaced?.actions[0], { verb: 'uncordon-node', node: 'alice', role: 'operator' });
  await fleet.call('PUT', '/v1/nodes/alice', { body: { cordoned: false } });
  await console.until(() => console.rows<{ state: string }>('agents').every(({ state }) => state === 'ready'));
  t.same(await alerts(fleet), []);
});

t.test('an alert stays the same one while the advice changes; other wants are another alert', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.node('alice');
  const apply = (name: string, placement: object) =>
    fleet.call('PUT', `/v1/agents/${name}`, { body: { name, model: ['tiny'], instructions: 'x', placement } });
  await apply('seer', { class: ['gpu'] });
  const advice = async (name: string) => {
    const { body } = await fleet.call<Pick<AgentView, 'unplaced'>>('GET', `/v1/agents/${name}`);
    return body.unplaced ? fixInWords(body.unplaced.fix) : undefined;
  };
  await until(async () => (await advice('seer')) !== undefined);
  fleet.skip(6_000);
  const [first] = await alerts(fleet, 'agent-unplaced');
  const before = await advice('seer');
  t.match(first, { agents: ['seer'], count: 1, text: `Fix: ${before}.` });
  await fleet.call('POST', `/v1/alerts/${first?.id}/ack`, { body: { note: 'the box is ordered' } });
  // After this change another remedy is the nearest.
  await fleet.call('PUT', '/v1/nodes/alice', { body: { cordoned: true } });
  await until(async () => (await advice('seer')) !== before);
  const [second] = await alerts(fleet, 'agent-unplaced');
  t.match(second, { id: first?.id, acknowledged: { note: 'the box is ordered' } }, 'what a person knows is no news');
  t.not(second?.text, first?.text);
  await apply('sage', { class: ['gpu'], site: ['cellar'] });
  await until(async () => (await advice('sage')) !== undefined);
  fleet.skip(6_000);
  const all = await alerts(fleet, 'agent-unplaced');
  t.same(all.map(({ agents }) => agents).sort(), [['sage'], ['seer']]);
  t.equal(new Set(all.map(({ id }) => id)).size, 2);
  for (const alert of all) t.same(faults(AlertSchema, alert), []);
});

t.test('a full queue, and tasks that were given up', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  alice.onLease = () => {};
  const spec = { name: 'busy', model: ['tiny'], instructions: 'x', queue: 1 };
  await fleet.call('PUT', '/v1/agents/busy', { body: spec });
  const console = openConsole(fleet.port, { authorization: `Bearer ${fleet.keys.viewer}` });
  t.teardown(() => console.socket.terminate());
  console.subscribe('agents');
  await console.until(() => console.row<{ state: string }>('agents', 'busy')?.state === 'ready');
  for (let i = 0; i < 2; i++)
    await fleet.call('POST', '/v1/agents/busy/tasks', { body: { prompt: 'x', deadlineSeconds: 5 } });
  t.match(await alerts(fleet, 'queue-full'), [{ agents: ['busy'], count: 1, title: /1 task waits/ }]);
  await console.until(() => console.row<{ waiting: number }>('agents', 'busy')?.waiting === 1);
  fleet.skip(6_000);
  await console.until(() => {
    const row = console.row<{ waiting: number; running: number }>('agents', 'busy');
    return row?.waiting === 0 && row.running === 0;
  });
  const [given] = await alerts(fleet, 'dead-letters');
  t.match(given, { count: 2, title: '2 tasks failed', actions: [{ verb: 'open-dead-letters' }] });
  t.same(await alerts(fleet, 'queue-full'), []);

  const dead = async () => (await fleet.call<{ id: string }[]>('GET', '/v1/tasks?dead=true')).body;
  const dismiss = async (id: string) => (await fleet.call('POST', `/v1/tasks/${id}/dismiss`)).body;
  /** The alert board reads the fleet once a second, so the clock moves by that. */
  const givenUp = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    fleet.skip(1_000);
    return (await alerts(fleet, 'dead-letters'))[0]?.count ?? 0;
  };
  const until = async (count: number) => {
    for (let i = 0; i < 200 && (await givenUp()) !== count; i++);
    t.equal(await givenUp(), count);
  };
  const [newer, older] = (await dead()).map(({ id }) => id) as [string, string];
  await dismiss(newer);
  await until(1);
  await fleet.call('DELETE', '/v1/agents/busy');
  t.match(await fleet.problem('POST', `/v1/tasks/${older}/retry`), { code: 'no-such-agent' });
  const { viewer } = fleet.keys;
  t.match(await fleet.problem('POST', `/v1/tasks/${older}/dismiss`, { key: viewer }), { code: 'not-allowed' });
  t.match(await dismiss(older), { id: older, state: 'expired', dismissedMs: Number });
  t.same(await dead(), []);
  await until(0);
  const { body: kept } = await fleet.call('GET', `/v1/tasks/${older}`);
  t.match(kept, { state: 'expired', dismissedMs: Number }, 'the history stays');
});

t.test('a machine that joined and never spoke is told after a while, though nothing happens to it', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  await fleet.enrol('mute');
  t.same(await alerts(fleet), []);
  fleet.skip(9 * 60_000);
  t.same(await alerts(fleet), [], 'a slow first start is none');
  fleet.skip(2 * 60_000);
  t.match(await alerts(fleet), [
    {
      id: 'node-never-seen:home',
      title: 'mute joined and never connected',
      text: /does not connect: check that it reaches the MQTT port/,
      actions: [{ verb: 'open-node' }, { verb: 'forget-node', role: 'admin' }],
    },
  ]);
  await fleet.call('DELETE', '/v1/nodes/mute');
  t.same(await alerts(fleet), []);
});
