// Home Assistant and Node-RED ask agents over MQTT: an API key as user name and password, a question published, the answer read.
// JSON with an id of the asker's or bare text; the same id twice is one task.
import type { MqttClient } from 'mqtt';
import t from 'tap';
import { connectPeople } from '../fixtures/people-client.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(120_000);
const root = 'blackroad/v1/agent/greeter';

t.test('an agent is asked over MQTT', async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('one');
  await presence(fleet, namesIn(fleet, 'one')[0] as string, 'online');
  await fleet.apply({ name: 'greeter' });
  await ready(fleet, 'greeter');
  const operator = await key(fleet, 'operator');
  const client = await connectPeople(fleet, operator);
  t.teardown(() => client.end(true));
  const heard = listen(client);
  await client.subscribeAsync(`${root}/answer/+`, { qos: 1 });

  await t.test('a question with an id gets its answer', async (t) => {
    await client.publishAsync(`${root}/ask`, JSON.stringify({ id: 'hall-1', prompt: 'Who is at the door?' }), {
      qos: 1,
    });
    const answer = await until('the answer', async () => heard.get(`${root}/answer/hall-1`)?.[0]);
    t.match(answer, { agent: 'greeter', ok: true, text: 'Simulated answer to: Who is at the door?', node: String });
    const task = await fleet.client.call('task', { params: { task: answer.task as string } });
    const by = { kind: 'key', id: operator.id, name: 'ha-operator' };
    t.match(task, { state: 'done', origin: 'mqtt', agent: 'greeter', prompt: 'Who is at the door?', by });
  });

  await t.test('bare text works', async (t) => {
    await client.publishAsync(`${root}/ask`, 'Is the garage closed?', { qos: 1 });
    const answer = await until('the answer', async () =>
      [...heard.values()].flat().find(({ text }) => text.includes('garage')),
    );
    t.match(answer, { ok: true, text: 'Simulated answer to: Is the garage closed?' });
  });

  await t.test('asked twice with one id it is one task', async (t) => {
    const question = JSON.stringify({ id: 'twice', prompt: 'Once is enough' });
    await Promise.all([
      client.publishAsync(`${root}/ask`, question, { qos: 1 }),
      client.publishAsync(`${root}/ask`, question, { qos: 1 }),
    ]);
    const [first] = await until('the answer', async () => heard.get(`${root}/answer/twice`));
    // And once more, long after its end: the asker missed the answer and gets the same.
    heard.delete(`${root}/answer/twice`);
    await client.publishAsync(`${root}/ask`, question, { qos: 1 });
    const [again] = await until('the answer again', async () => heard.get(`${root}/answer/twice`));
    t.same(again, first);
    const tasks = await fleet.client.call('tasks', { query: { agent: 'greeter', limit: 100 } });
    t.equal(tasks.filter(({ prompt }) => prompt === 'Once is enough').length, 1);
  });

  await t.test('what cannot be done is answered in words', async (t) => {
    await client.subscribeAsync('blackroad/v1/agent/nobody/answer/+', { qos: 1 });
    await client.publishAsync('blackroad/v1/agent/nobody/ask', JSON.stringify({ id: 'x', prompt: 'hello' }), {
      qos: 1,
    });
    const [answer] = await until('the answer', async () => heard.get('blackroad/v1/agent/nobody/answer/x'));
    t.match(answer, { ok: false, task: null, text: /no agent nobody/ });
  });

  await t.test('a viewer reads and does not ask; a revoked key is out', async (t) => {
    const viewer = await connectPeople(fleet, await key(fleet, 'viewer'));
    t.teardown(() => viewer.end(true));
    const seen = listen(viewer);
    await viewer.subscribeAsync(`${root}/answer/+`, { qos: 1 });
    await viewer.publishAsync(`${root}/ask`, JSON.stringify({ id: 'viewer', prompt: 'May I?' }), { qos: 1 });
    await client.publishAsync(`${root}/ask`, JSON.stringify({ id: 'after', prompt: 'And now?' }), { qos: 1 });
    await until('a later answer', async () => seen.get(`${root}/answer/after`));
    const [refused] = await until('the refusal', async () => seen.get(`${root}/answer/viewer`));
    t.match(
      refused,
      { ok: false, task: null, text: /needs the permission tasks:ask, which the role client has/ },
      'the question of a viewer is refused in words',
    );
    const tasks = await fleet.client.call('tasks', { query: { agent: 'greeter', limit: 100 } });
    t.notOk(tasks.some(({ prompt }) => prompt === 'May I?'));

    await fleet.client.call('keyRevoke', { params: { id: operator.id } });
    await t.rejects(connectPeople(fleet, operator), /Not authorized/i);
    await t.rejects(connectPeople(fleet, { ...operator, key: `brk_${operator.id}_wrong` }), /Not authorized/i);
  });
});

interface Answered {
  agent: string;
  task: string | null;
  ok: boolean;
  text: string;
  node: string | null;
}
function listen(client: MqttClient): Map<string, Answered[]> {
  const heard = new Map<string, Answered[]>();
  client.on('message', (topic, payload) => {
    const said = JSON.parse(payload.toString()) as Answered;
    heard.set(topic, [...(heard.get(topic) ?? []), said]);
  });
  return heard;
}
function key(fleet: Fleet, role: 'operator' | 'viewer') {
  return fleet.client.call('keyCreate', { body: { name: `ha-${role}`, role } });
}
