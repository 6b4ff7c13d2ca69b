// The nodes for Node-RED at both doors of a real coordinator, over HTTPS and over MQTT 5: asked, told, heard, refused, and after the coordinator
// was killed in the middle.
import type { TaskView } from '@blackroad/protocol';
import t, { type Test } from 'tap';
import { createFlow } from '../fixtures/node-red/flow-stand.ts';
import { freePort } from '../fixtures/ports.ts';
import { startFleet, until } from '../fixtures/processes.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(180_000);
const peoplePort = await freePort();
const fleet = await startFleet(t, { args: ['--people-port', String(peoplePort)] });
await fleet.simulate('one');
const node = namesIn(fleet, 'one')[0] as string;
await presence(fleet, node, 'online');
await fleet.apply({ name: 'greeter' });
await ready(fleet, 'greeter');
await until('the door', async () => (await fleet.client.call('mqtt')).people?.port ?? undefined);
const addresses = { HTTPS: `https://127.0.0.1:${fleet.tlsPort}`, MQTT: `mqtts://127.0.0.1:${peoplePort}` };
let keys = 0;
const keyOf = async (role: 'operator' | 'viewer' | 'client') =>
  (await fleet.client.call('keyCreate', { body: { name: `node-red-${++keys}`, role } })).key;

function deploy(t: Test, address: string, key: string, type: string, config: object) {
  const flow = createFlow();
  t.teardown(() => flow.stop());
  flow.add('fleet', 'home', { address, ca: fleet.ca }, { key });
  return flow.add(type, 'node', { fleet: 'home', ...config });
}
const asked = async (prompt: string): Promise<TaskView[]> =>
  (await fleet.client.call('tasks', { query: { agent: 'greeter', limit: 100 } })).filter(
    (row) => row.prompt === prompt,
  );

for (const [door, address] of Object.entries(addresses)) {
  t.test(`over ${door}`, async (t) => {
    const operator = await keyOf('operator');
    const ask = deploy(t, address, operator, 'fleet ask agent', { agent: 'greeter' });
    await until('connected', async () => ask.lastStatus === 'connected');

    await t.test('a question is answered', async (t) => {
      t.equal(await ask.input({ payload: `Who is at the door of ${door}?`, room: 'hall' }), undefined);
      const text = `Simulated answer to: Who is at the door of ${door}?`;
      t.match(ask.outOf(0), [{ payload: text, room: 'hall', fleet: { agent: 'greeter', task: String, node } }]);
    });

    await t.test('refusals in words', async (t) => {
      await ask.input({ payload: 'Hello?', agent: 'nobody' });
      t.match(ask.outOf(2), [{ payload: 'Hello?', error: { kind: 'unknown-agent' } }]);
      t.equal(ask.lastStatus, 'no such agent: nobody');
      const viewer = deploy(t, address, await keyOf('viewer'), 'fleet ask agent', { agent: 'greeter' });
      await viewer.input({ payload: 'May I?' });
      t.match(viewer.outOf(2), [{ payload: 'May I?', error: { kind: 'no-permission' } }]);
      const wrong = deploy(t, address, `${operator.slice(0, -4)}0000`, 'fleet ask agent', { agent: 'greeter' });
      await until('wrong key', async () => wrong.lastStatus === 'wrong key');
      await wrong.input({ payload: 'Let me in' });
      t.match(wrong.outOf(2), [{ payload: 'Let me in', error: { kind: 'wrong-key' } }]);
    });

    await t.test('what a node tells is heard, each once', async (t) => {
      const events = deploy(t, address, await keyOf('viewer'), 'fleet event', { types: 'model-pulled', node });
      await until('it listens', async () => events.lastStatus === 'connected');
      // Over HTTP it begins after its first look.
      if (door === 'HTTPS') await until('its look', async () => events.context().get('lastEvent') !== undefined);
      for (const model of ['one', 'two'].map((name) => `${door.toLowerCase()}-${name}`)) {
        await fleet.client.call('nodePull', { params: { node }, body: { model } });
        await until('the event', async () => JSON.stringify(events.outOf(0).at(-1) ?? '').includes(model));
      }
      t.match(events.outOf(0), [
        {
          topic: 'model-pulled',
          payload: { type: 'model-pulled', node, severity: 'info', params: { model: /-one$/ } },
        },
        { topic: 'model-pulled', payload: { type: 'model-pulled', node, params: { model: /-two$/ } } },
      ]);
      t.equal(events.outOf(0).length, 2);
    });

    await t.test('a key that may not read events is told so, and asks in the same flow', async (t) => {
      const flow = createFlow();
      t.teardown(() => flow.stop());
      flow.add('fleet', 'home', { address, ca: fleet.ca }, { key: await keyOf('client') });
      const events = flow.add('fleet event', 'events', { fleet: 'home' });
      const client = flow.add('fleet ask agent', 'ask', { fleet: 'home', agent: 'greeter' });
      await until('no permission', async () => events.lastStatus === 'no permission');
      t.match(events.outOf(1), [{ topic: 'trouble', payload: { kind: 'no-permission', text: /the permission/ } }]);
      t.equal(await client.input({ payload: `May I, over ${door}?` }), undefined);
      t.match(client.outOf(0), [{ payload: `Simulated answer to: May I, over ${door}?` }]);
    });

    await t.test('a node is cordoned, and one that is not there is not', async (t) => {
      for (const action of ['cordon', 'uncordon', 'drain', 'undrain']) {
        const control = deploy(t, address, operator, 'fleet node control', { action, node });
        t.equal(await control.input({ payload: 1 }), undefined);
        t.match(control.outOf(0), [{ payload: { node, action } }]);
        const view = await fleet.client.call('node', { params: { node } });
        if (/cordon/.test(action)) t.equal(view.cordoned, action === 'cordon', action);
        else t.equal(view.draining, action === 'drain', action);
      }
      const control = deploy(t, address, operator, 'fleet node control', { action: 'cordon', node: 'nobody' });
      await control.input({ payload: 1 });
      t.match(control.outOf(1), [{ error: { kind: 'unknown-node' } }]);
    });

    await t.test('the coordinator is killed while it is asked: one task, one answer', async (t) => {
      await ready(fleet, 'greeter');
      const prompt = `Survive over ${door}`;
      const down = fleet.restartCoordinator('SIGKILL');
      const answer = ask.input({ payload: prompt });
      await down;
      t.equal(await answer, undefined);
      t.equal(ask.outOf(0).at(-1)?.payload, `Simulated answer to: ${prompt}`);
      t.equal((await asked(prompt)).length, 1);
      await until('connected again', async () => /connected|answered/.test(ask.lastStatus));
    });
  });
}

t.test('the certificate of the fleet is asked for', async (t) => {
  const flow = createFlow();
  t.teardown(() => flow.stop());
  flow.add('fleet', 'home', { address: addresses.HTTPS }, { key: await keyOf('operator') });
  const ask = flow.add('fleet ask agent', 'ask', { fleet: 'home', agent: 'greeter' });
  await until('the status', async () => ask.lastStatus === 'certificate not trusted');
  await ask.input({ payload: 'x' });
  t.match(ask.outOf(2), [{ error: { kind: 'untrusted', message: /give the fleet's CA, ca\.pem/ } }]);
});
