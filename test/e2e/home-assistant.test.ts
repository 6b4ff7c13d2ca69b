// The fleet for Home Assistant, on the real broker, without it: what is retained, what its birth brings, what its orders do, what a removed
// node leaves, and what a key without the right may not do. The real Home Assistant is in test/integrations.
import { once } from 'node:events';
import type { MqttClient } from 'mqtt';
import t from 'tap';
import { connectPeople } from '../fixtures/people-client.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { namesIn, nodeOf, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(300_000);

t.test('devices of a fleet', async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('pair', { nodes: 2 });
  const [alice, bob] = namesIn(fleet, 'pair', 2) as [string, string];
  for (const node of [alice, bob]) await presence(fleet, node, 'online');
  await fleet.apply({ name: 'greeter', homeAssistant: true });
  await fleet.apply({ name: 'silent' });
  const { id: agent } = await ready(fleet, 'greeter');
  const home = await connect(t, fleet, 'operator');
  const heard = listen(home);
  await home.subscribeAsync(['homeassistant/#', 'blackroad/v1/home/#'], { qos: 1 });
  const config = (device: string) => `homeassistant/device/blackroad-${device}/config`;
  const state = (device: string) => `blackroad/v1/home/${device}/state`;
  const last = (topic: string) => heard.get(topic)?.at(-1);

  await t.test('a device each, retained, for the fleet, the nodes, and the agent that asks for it', async (t) => {
    const devices = ['fleet', `node-${alice}`, `node-${bob}`, `agent-${agent}`];
    for (const device of devices) {
      t.match(await until(config(device), async () => last(config(device))), { components: Object });
      t.match(await until(state(device), async () => last(state(device))), { type: device.split('-')[0] });
    }
    const late = await connect(t, fleet, 'viewer');
    const found = listen(late);
    await late.subscribeAsync(['homeassistant/device/+/config'], { qos: 1 });
    await until('what is retained', async () => found.size === devices.length);
    t.same([...found.keys()].sort(), devices.map(config).sort());
  });

  await t.test('its birth brings everything again, and once more', async (t) => {
    const before = heard.get(config(`node-${alice}`))?.length ?? 0;
    await home.publishAsync('homeassistant/status', 'online', { qos: 1 });
    await until('all of it twice', async () => (heard.get(config(`node-${alice}`))?.length ?? 0) >= before + 2);
    t.equal(heard.get(config(`node-${alice}`))?.length, before + 2);
  });

  await t.test('orders do what the API does, and the audit says who gave them', async (t) => {
    await home.publishAsync(`blackroad/v1/home/node-${alice}/set/cordon`, wanted(true), { qos: 1 });
    await until('the cordon', async () => (await nodeOf(fleet, alice)).cordoned);
    await until('its state', async () => last(state(`node-${alice}`))?.cordoned === true);
    await home.publishAsync(`blackroad/v1/home/node-${alice}/set/cordon`, wanted(false), { qos: 1 });
    await until('its end', async () => !(await nodeOf(fleet, alice)).cordoned);
    const rows = await fleet.client.call('audit', { query: { limit: 20 } });
    const row = rows.find(({ action }) => action === 'node-cordon');
    t.match(row, { subject: alice, actor: 'key:home-operator-1' });
  });

  await t.test('a faulty order is refused, and the state is told again', async (t) => {
    const refused = () => fleet.coordinator.log().match(/was not carried out/g)?.length ?? 0;
    const before = heard.get(state(`node-${alice}`))?.length ?? 0;
    for (const [topic, payload] of [
      [`node-${alice}/set/cordon`, 'perhaps'],
      [`node-${alice}/set/explode`, wanted(true)],
      [`node-${alice}/set/update`, wanted(true)],
      [`node-${alice}/set/restart`, wanted(true)],
      ['node-nobody/set/cordon', wanted(true)],
    ])
      await home.publishAsync(`blackroad/v1/home/${topic}`, payload as string, { qos: 1 });
    await until('the refusals', async () => refused() >= 5);
    await until('the state again', async () => (heard.get(state(`node-${alice}`))?.length ?? 0) > before);
    t.match(fleet.coordinator.log(), /There is no newer release for/);
    t.match(fleet.coordinator.log(), /Nothing would start the node-agent of/);
  });

  await t.test('a key that only reads gives no orders, and nobody but the coordinator makes devices', async (t) => {
    const viewer = await connect(t, fleet, 'viewer');
    await viewer.publishAsync(`blackroad/v1/home/node-${bob}/set/cordon`, wanted(true), { qos: 1 });
    await home.publishAsync(config('node-mallory'), '{"components":{}}', { qos: 1, retain: true });
    await home.publishAsync(`blackroad/v1/home/node-${alice}/set/cordon`, wanted(true), { qos: 1 });
    await until('a later order', async () => (await nodeOf(fleet, alice)).cordoned);
    t.notOk((await nodeOf(fleet, bob)).cordoned);
    t.notOk(heard.has(config('node-mallory')));
  });

  await t.test('an answer to a question over MQTT is told, with its end', async (t) => {
    await home.publishAsync('blackroad/v1/agent/greeter/ask', 'Is the garage closed?', { qos: 1 });
    const device = `agent-${agent}`;
    const told = await until('the answer', async () => last(state(device))?.ok === true && last(state(device)));
    t.match(told, { question: 'Is the garage closed?', answer: 'Simulated answer to: Is the garage closed?' });
    const ended = `blackroad/v1/home/${device}/ended`;
    t.match(await until('its end, after it', async () => last(ended)), { event_type: 'done', origin: 'mqtt' });
    await fleet.client.call('ask', { params: { agent: 'greeter' }, body: { prompt: 'A secret of mine' } });
    await until('its end', async () => heard.get(`blackroad/v1/home/${device}/ended`)?.length === 2);
    t.equal(last(state(device))?.question, 'Is the garage closed?', 'what is asked over HTTP is not for all');
  });

  await t.test('the last answer is there after a restart of the coordinator', async (t) => {
    heard.clear();
    await fleet.restartCoordinator('SIGKILL');
    const again = await connect(t, fleet, 'operator');
    const found = listen(again);
    await again.subscribeAsync(['blackroad/v1/home/#'], { qos: 1 });
    const told = await until('the agent', async () => found.get(state(`agent-${agent}`))?.at(-1));
    t.match(told, { question: 'Is the garage closed?', ok: true });
  });

  await t.test('what is taken out leaves nothing', async (t) => {
    const again = await connect(t, fleet, 'operator');
    const found = listen(again);
    await again.subscribeAsync(['homeassistant/#', 'blackroad/v1/home/#'], { qos: 1 });
    await until('the devices', async () => found.has(config(`node-${bob}`)) && found.has(config(`agent-${agent}`)));
    await fleet.client.call('nodeForget', { params: { node: bob } });
    await fleet.apply({ name: 'greeter' });
    for (const topic of [`node-${bob}`, `agent-${agent}`].flatMap((device) => [config(device), state(device)]))
      await until(`nothing on ${topic}`, async () => found.get(topic)?.at(-1)?.empty === true);
    const late = await connect(t, fleet, 'viewer');
    const left = listen(late);
    await late.subscribeAsync(['homeassistant/#'], { qos: 1 });
    await until('the others', async () => left.has(config('fleet')));
    t.notOk(left.has(config(`node-${bob}`)));
  });
});

t.test('another prefix, and none', async (t) => {
  const fleet = await startFleet(t, { args: ['--home-assistant', 'house/ha'] });
  const viewer = await connect(t, fleet, 'viewer');
  const heard = listen(viewer);
  await viewer.subscribeAsync('#', { qos: 1 });
  await until('the fleet', async () => heard.get('house/ha/device/blackroad-fleet/config'));
  t.notOk([...heard.keys()].some((topic) => topic.startsWith('homeassistant/')));
  const off = await startFleet(t, { args: ['--home-assistant', 'off'] });
  const other = await connect(t, off, 'viewer');
  await t.rejects(other.subscribeAsync('homeassistant/#', { qos: 1 }));
});

t.test('a node-agent that something starts again starts anew when it is told to', async (t) => {
  // As systemd does.
  process.env.INVOCATION_ID = 'test';
  t.teardown(() => delete process.env.INVOCATION_ID);
  const fleet = await startFleet(t);
  const node = await fleet.runNode('cellar');
  await presence(fleet, 'cellar', 'online');
  const home = await connect(t, fleet, 'operator');
  const heard = listen(home);
  await home.subscribeAsync('homeassistant/#', { qos: 1 });
  const config = 'homeassistant/device/blackroad-node-cellar/config';
  await until('its button', async () => JSON.stringify(heard.get(config)?.at(-1) ?? '').includes('set/restart'));
  const ended = once(node.child, 'exit');
  await home.publishAsync('blackroad/v1/home/node-cellar/set/restart', wanted(true), { qos: 1 });
  t.same(await ended, [0, null]);
  const rows = await fleet.client.call('audit', { query: { limit: 20 } });
  t.ok(rows.some(({ action, subject }) => action === 'node-restart' && subject === 'cellar'));
});

type Said = Record<string, unknown> & { empty?: true };
function listen(client: MqttClient): Map<string, Said[]> {
  const heard = new Map<string, Said[]>();
  client.on('message', (topic, payload) => {
    const text = payload.toString();
    const said = text === '' ? { empty: true as const } : text.startsWith('{') ? (JSON.parse(text) as Said) : { text };
    heard.set(topic, [...(heard.get(topic) ?? []), said]);
  });
  return heard;
}
const wanted = (is: boolean) => JSON.stringify({ wanted: is });
let keys = 0;
async function connect(t: { teardown(end: () => unknown): unknown }, fleet: Fleet, role: 'operator' | 'viewer') {
  const name = `home-${role}-${++keys}`;
  const key = await fleet.client.call('keyCreate', { body: { name, role } });
  const client = await connectPeople(fleet, key);
  t.teardown(() => client.end(true));
  return client;
}
