// The node `fleet node control` over HTTP, against the real coordinator: what each action does, and what is refused.
import t, { type Test } from 'tap';
import { openApiFleet } from '../../test/fixtures/coordinator/api-fleet.ts';
import { createFlow } from '../../test/fixtures/node-red/flow-stand.ts';
import { until } from '../../test/fixtures/processes.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const alice = await fleet.node('alice');
alice.onCommand = (name, command) => alice.say('reply', { command }, { command, ok: true, text: `${name} is done` });

function deploy(t: Test, config: object, key = fleet.keys.operator) {
  const flow = createFlow();
  t.teardown(() => flow.stop());
  flow.add('fleet', 'home', { address: fleet.base }, { key });
  return flow.add('fleet node control', 'control', { fleet: 'home', ...config });
}
const view = async () => (await fleet.call<{ cordoned: boolean; draining: boolean }>('GET', '/v1/nodes/alice')).body;

t.test('each action does what it says, and the result goes on', async (t) => {
  const steps: [string, object][] = [
    ['cordon', { cordoned: true, draining: false }],
    ['drain', { cordoned: true, draining: true }],
    ['uncordon', { cordoned: false, draining: true }],
    ['undrain', { cordoned: false, draining: false }],
  ];
  for (const [action, wanted] of steps) {
    const node = deploy(t, { action, node: 'alice' });
    await until('connected', async () => node.lastStatus === 'connected');
    t.equal(await node.input({ payload: 1, topic: 'kept' }), undefined);
    t.match(node.sent, [{ output: 0, message: { topic: 'kept', payload: { node: 'alice', action, ...wanted } } }]);
    t.match(await view(), wanted, action);
    t.equal(node.lastStatus, `${action} alice`);
  }
  for (const action of ['identify', 'restart']) {
    const node = deploy(t, { action: '', node: '' });
    t.equal(await node.input({ action, node: 'alice' }), undefined);
    t.match(node.outOf(0), [{ payload: { node: 'alice', action, text: `${action} is done`, cordoned: null } }]);
  }
});

t.test('the dialogs are given names, where the key may read them', async (t) => {
  const path = '/blackroad-fleet/:id/names';
  await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });
  for (const [role, wanted] of [
    ['viewer', { agents: ['greeter'], nodes: ['alice'] }],
    ['client', { agents: [], nodes: [] }],
  ] as const) {
    const flow = createFlow();
    t.teardown(() => flow.stop());
    flow.add('fleet', 'home', { address: fleet.base }, { key: fleet.keys[role] });
    t.same(await flow.asked(path, { id: 'home' }), wanted, role);
    t.same(await flow.asked(path, { id: 'another' }), { agents: [], nodes: [] });
  }
});

t.test('what is refused says why, and the message goes to the error output', async (t) => {
  const cases: [object, string, object, string][] = [
    [{ node: 'nobody' }, fleet.keys.operator, { kind: 'unknown-node', code: 'no-such-node' }, 'no such node: nobody'],
    [{}, fleet.keys.viewer, { kind: 'no-permission', message: /nodes:write/ }, 'no permission'],
    [{}, `brk_x_${'0'.repeat(64)}`, { kind: 'wrong-key' }, 'wrong key'],
    [
      { action: 'explode' },
      fleet.keys.operator,
      { message: /msg\.action: expected one of cordon, .* got "explode"/ },
      'message',
    ],
    [
      { node: 'a/b' },
      fleet.keys.operator,
      { message: /msg\.node: expected the name of a node .* got "a\/b"/ },
      'message',
    ],
  ];
  for (const [more, key, error, status] of cases) {
    const node = deploy(t, { action: 'cordon', node: 'alice' }, key);
    t.ok(await node.input({ payload: 'kept', ...more }), 'a node of the kind catch hears of it');
    t.match(node.sent, [{ output: 1, message: { payload: 'kept', ...more, error } }]);
    t.ok(node.lastStatus.startsWith(status), node.lastStatus);
  }
  t.match(await view(), { cordoned: false });
});
