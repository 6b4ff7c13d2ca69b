// Webhooks and triggers over real processes: an MQTT message at the real door wakes an agent on a node, events are posted through a kill of the
// coordinator and through a pause, at least once and under one id, and a program calls a webhook over TLS.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import t from 'tap';
import { isSigned, openHookReceiver } from '../fixtures/hook-receiver.ts';
import { connectPeople } from '../fixtures/people-client.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(240_000);
const fleet = await startFleet(t, { args: ['--webhook-hosts', 'local'] });
await fleet.simulate('one');
const node = namesIn(fleet, 'one')[0] as string;
await presence(fleet, node, 'online');
const tasksOf = (agent: string) => fleet.client.call('tasks', { query: { agent, limit: 20 } });

t.test('an MQTT message wakes an agent', async (t) => {
  await fleet.apply({ name: 'hall', triggers: [{ topic: 'hall/motion', prompt: 'Motion: {{payload}}' }] });
  await ready(fleet, 'hall');
  const { id, key } = await fleet.client.call('keyCreate', { body: { name: 'sensor', role: 'client' } });
  const client = await connectPeople(fleet, { id, key });
  t.teardown(() => client.end(true));
  await client.publishAsync('blackroad/v1/in/hall/motion', 'ON', { qos: 1 });
  const task = await until('its answer', async () => (await tasksOf('hall')).find(({ state }) => state === 'done'));
  t.match(task, { origin: 'trigger', by: { name: 'trigger topic hall/motion of hall' }, node, result: /Motion/ });
  const viewer = await fleet.client.call('keyCreate', { body: { name: 'looker', role: 'viewer' } });
  const mute = await connectPeople(fleet, viewer);
  t.teardown(() => mute.end(true));
  await mute.publishAsync('blackroad/v1/in/hall/motion', 'ON', { qos: 1 });
  await client.publishAsync('blackroad/v1/in/hall/motion', 'ON', { qos: 1 });
  const stand = () => fleet.client.call('agentTriggers', { params: { agent: 'hall' } });
  t.match(await until('one rests', async () => (await stand()).find(({ rested }) => rested > 0)), {
    fired: 1,
    rested: 1,
  });
});

t.test('a program calls a webhook over TLS and gets the answer', async (t) => {
  await fleet.apply({ name: 'porter', triggers: [{ webhook: 'doorbell', prompt: 'The bell: {{payload}}' }] });
  await ready(fleet, 'porter');
  const { secret } = await fleet.client.call('webhookCreate', { body: { direction: 'in', name: 'doorbell' } });
  const said = await post(fleet, `/hooks/doorbell/${secret}?wait=30`, 'ring');
  t.equal(said.status, 200);
  t.match(JSON.parse(said.body), {
    tasks: [{ agent: 'porter' }],
    answer: { ok: true, text: /^Simulated answer to: The bell: / },
  });
  t.match(await post(fleet, '/hooks/doorbell/wrong', 'ring'), { status: 404 });
});

t.test('events are delivered through a kill of the coordinator', async (t) => {
  const receiver = await openHookReceiver();
  t.teardown(() => receiver.close());
  // Nothing is delivered before the kill: what is committed then is delivered by the next one alone.
  receiver.answer = (response) => void response.writeHead(500).end();
  const { secret } = await fleet.client.call('webhookCreate', {
    body: { direction: 'out', name: 'pager', url: receiver.url, events: ['agent-removed', 'agent-renamed'] },
  });
  const names = Array.from({ length: 12 }, (_, i) => `gone-${i}`);
  for (const name of names) await fleet.apply({ name, model: ['no-such-model'] });
  for (const agent of names.slice(0, 6)) await fleet.client.call('agentRemove', { params: { agent } });
  await until('one was tried', async () => receiver.received.length > 0);
  const last = Promise.all(names.slice(6).map((agent) => fleet.client.call('agentRemove', { params: { agent } })));
  await last;
  // At once after the answers, which come after the commits.
  await fleet.restartCoordinator('SIGKILL');
  receiver.answer = (response) => void response.writeHead(204).end();
  const delivered = () =>
    new Set(receiver.received.map(({ body }) => /gone-\d+ was removed/.exec(body)?.[0]).filter(Boolean));
  await until(
    'all are there',
    async () => {
      const { out } = (await fleet.client.call('webhooks')).find(({ name }) => name === 'pager') ?? {};
      return out && out.waiting === 0 && out.delivered >= names.length && delivered().size === names.length;
    },
    90_000,
  );
  t.ok(receiver.received.every((each) => isSigned(each, secret)));
  const ids = new Map<string, Set<string>>();
  for (const { headers, body } of receiver.received) {
    const { number } = JSON.parse(body).data;
    ids.set(number, (ids.get(number) ?? new Set()).add(String(headers['webhook-id'])));
  }
  t.equal(ids.size, names.length);
  t.ok(
    [...ids.values()].every(({ size }) => size === 1),
    'one id an event, in every try',
  );
});

t.test('a pause lasts through a restart, and what happened in it is posted afterwards', async (t) => {
  const [before, after] = [await openHookReceiver(), await openHookReceiver()];
  t.teardown(() => Promise.all([before.close(), after.close()]));
  const params = { webhook: 'repaired' };
  const { secret } = await fleet.client.call('webhookCreate', {
    body: { direction: 'out', name: params.webhook, url: before.url, events: ['agent-removed'] },
  });
  await fleet.client.call('webhookPause', { params });
  const remove = async (name: string) => {
    await fleet.apply({ name, model: ['no-such-model'] });
    await fleet.client.call('agentRemove', { params: { agent: name } });
  };
  const stand = async () => (await fleet.client.call('webhooks')).find(({ name }) => name === params.webhook);
  await remove('away-1');
  await fleet.restartCoordinator('SIGKILL');
  await remove('away-2');
  await until('both wait', async () => (await stand())?.out?.waiting === 2);
  t.match(await stand(), { paused: { by: 'key:admin' }, out: { delivered: 0, last: null } });
  await fleet.client.call('webhookEdit', { params, body: { url: after.url } });
  t.same([before.received.length, after.received.length], [0, 0]);
  await fleet.client.call('webhookResume', { params });
  await until('they are there', async () => (await stand())?.out?.delivered === 2);
  t.same(
    after.received.map(({ body }) => /away-\d/.exec(body)?.[0]),
    ['away-1', 'away-2'],
    'in their order, at the new address',
  );
  t.ok(after.received.every((each) => isSigned(each, secret)));
  t.equal(before.received.length, 0);
});

function post({ tlsPort, folder }: Fleet, path: string, body: string): Promise<{ status: number; body: string }> {
  const ca = readFileSync(join(folder, 'coordinator/ca.pem'));
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: tlsPort, path, method: 'POST', ca }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
