import { type Checker, HomeAgentState, HomeFleetState, HomeNodeState, type TSchema } from '@blackroad/protocol';
import t from 'tap';
import { compiledCheck } from '../http/compiled-check.ts';
import { type Component, componentsOf, componentTables, type DeviceKind, traits } from './components.ts';
import { type Device, discoveryOf } from './discovery.ts';
import { componentSchema } from './discovery-schema.ts';

const kinds = Object.keys(componentTables) as DeviceKind[];
const origin = { name: 'BlackRoad Fleet', version: '1.2.3' };
const all = new Set(traits);
const alice: Device = {
  kind: 'node',
  device: 'node-alice',
  name: 'alice',
  model: 'Raspberry Pi 5 Model B Rev 1.0',
  version: '1.2.3',
  node: 'alice',
  traits: all,
};
const devices: Record<DeviceKind, Device> = {
  node: alice,
  fleet: { kind: 'fleet', device: 'fleet', name: 'Home', model: 'Fleet', version: '1.2.3', traits: new Set() },
  agent: {
    ...{ kind: 'agent', device: 'agent-a1', name: 'greeter', model: 'Agent', version: '', agent: 'greeter' },
    traits: new Set(),
  },
};
/** Nothing is ever taken from this list, and nothing in it is changed. */
const given = `
sensor blackroad_node-alice_state
sensor blackroad_node-alice_last_seen
binary_sensor blackroad_node-alice_problem
sensor blackroad_node-alice_temperature
binary_sensor blackroad_node-alice_throttled
binary_sensor blackroad_node-alice_power_weak
sensor blackroad_node-alice_disk_free
sensor blackroad_node-alice_sd_wear
sensor blackroad_node-alice_tokens_per_s
sensor blackroad_node-alice_tasks_running
sensor blackroad_node-alice_models_loaded
switch blackroad_node-alice_cordon
button blackroad_node-alice_identify
button blackroad_node-alice_drain
button blackroad_node-alice_restart
update blackroad_node-alice_node_agent
binary_sensor blackroad_fleet_problem
sensor blackroad_fleet_alerts
sensor blackroad_fleet_nodes_online
sensor blackroad_fleet_agents_ready
sensor blackroad_fleet_tasks_running
sensor blackroad_fleet_tasks_queued
sensor blackroad_fleet_tokens_per_s
sensor blackroad_agent-a1_state
text blackroad_agent-a1_ask
sensor blackroad_agent-a1_answer
event blackroad_agent-a1_ended
notify blackroad_agent-a1_notify
`
  .trim()
  .split('\n');
interface Sent {
  device: { identifiers: string[]; name: string };
  availability: { topic: string }[];
  components: Record<string, Record<string, unknown>>;
}
const sentOf = (device: Device, check: Checker = compiledCheck): Sent =>
  JSON.parse(discoveryOf(device, origin, check).payload ?? 'null');

t.test('every row of the table passes the schema, and each unique id is there once', async (t) => {
  const ids: unknown[] = [];
  for (const kind of kinds) {
    const { leftOut } = discoveryOf(devices[kind], origin, compiledCheck);
    t.same(leftOut, [], kind);
    const { components } = sentOf(devices[kind]);
    t.same(Object.keys(components), Object.keys(componentTables[kind]));
    ids.push(...Object.values(components).map(({ unique_id }) => unique_id));
  }
  t.equal(new Set(ids).size, ids.length);
});

t.test('ids and platforms are for good: what is renamed keeps its history', async (t) => {
  const sent = kinds.flatMap((kind) => Object.values(sentOf(devices[kind]).components));
  const now = sent.map(({ platform, unique_id }) => `${platform} ${unique_id}`);
  for (const each of given) t.ok(now.includes(each), `${each} was given out and stays`);
  t.same(
    now.filter((each) => !given.includes(each)),
    [],
    'a new entity is added to the list of those that stay',
  );
});

t.test('a machine has only entities for what it tells', async (t) => {
  const { components } = sentOf({ ...alice, traits: new Set(['temperature'] as const) });
  t.ok(components.temperature);
  for (const key of ['throttled', 'power_weak', 'sd_wear', 'restart']) t.notOk(components[key], key);
});

t.test(
  'the node is there by its own word, and that of the coordinator; some of it stays while it is away',
  async (t) => {
    const { availability, components } = sentOf(alice);
    t.same(
      availability.map(({ topic }) => topic),
      ['blackroad/v1/fleet/state', 'blackroad/v1/node/alice/state'],
    );
    const away = Object.entries(components).filter(([, { availability }]) => availability !== undefined);
    t.same(
      away.map(([key]) => key),
      ['state', 'last_seen', 'cordon', 'drain'],
    );
  },
);

t.test('a component that Home Assistant would refuse is left out, and costs no other', async (t) => {
  const broken: Checker = (schema, value) =>
    compiledCheck(
      schema,
      (value as { name?: string }).name === 'Disk left' ? { ...(value as object), unique_id: '' } : value,
    );
  const { leftOut, payload } = discoveryOf(alice, origin, broken);
  t.match(leftOut, [{ component: 'disk_free', why: String }]);
  const { components } = JSON.parse(payload ?? '') as Sent;
  t.notOk(components.disk_free);
  t.equal(Object.keys(components).length, Object.keys(componentTables.node).length - 1);
  // An agent whose name is a wildcard could not be asked: the parts that ask are left out.
  const wild = discoveryOf({ ...devices.agent, agent: '#' }, origin, compiledCheck);
  t.same(wild.leftOut.map(({ component }) => component).sort(), ['ask', 'notify']);
  t.match(wild.leftOut[0]?.why, /command_topic/);
});

t.test('a device that is not in order is not sent', async (t) => {
  const { payload, leftOut } = discoveryOf({ ...alice, name: '  ' }, origin, compiledCheck);
  t.equal(payload, null);
  t.match(leftOut, [{ component: 'device', why: /name/ }]);
});

t.test('each fault that Home Assistant refuses is one to the schema', async (t) => {
  const { components } = sentOf(alice);
  const rows = componentsOf('node');
  const faulty = (key: string, change: object) =>
    compiledCheck(componentSchema(rows[key] as Component), { ...components[key], ...change });
  t.ok(faulty('temperature', {}));
  t.notOk(faulty('temperature', { unique_id: undefined }), 'no unique id');
  t.notOk(faulty('temperature', { device_class: 'warmth' }), 'a class that there is not');
  t.notOk(faulty('temperature', { platform: 'switch' }), 'another platform');
  t.notOk(faulty('temperature', { options: ['a'] }), 'options of what is no enum');
  t.notOk(faulty('temperature', { other: 1 }), 'an unknown field');
  t.notOk(faulty('state', { options: undefined }), 'an enum without options');
  t.notOk(faulty('state', { unit_of_measurement: 'x' }), 'an enum with a unit');
  t.notOk(faulty('cordon', { command_topic: 'a/#' }), 'a wildcard to publish on');
  t.notOk(faulty('cordon', { command_topic: undefined }), 'a switch without a topic');
  t.notOk(faulty('identify', { payload_press: true }), 'a payload that is no text');
});

/** A template would read the method of this name instead. */
const ofDict = new Set('clear copy fromkeys get items keys pop popitem setdefault update values'.split(' '));

t.test('a template reads fields that the state has', async (t) => {
  const states: Record<DeviceKind, TSchema> = { node: HomeNodeState, fleet: HomeFleetState, agent: HomeAgentState };
  for (const kind of kinds) {
    const fields = Object.keys((states[kind] as unknown as { properties: object }).properties);
    for (const [key, { value = '', attributes = '' }] of Object.entries(componentsOf(kind)))
      for (const [, field] of `${value}${attributes}`.matchAll(/value_json\.(\w+)/g))
        t.ok(fields.includes(field as string) && !ofDict.has(field as string), `${kind} ${key} reads ${field}`);
  }
});
