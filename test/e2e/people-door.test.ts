// People's programs at the door of their own, with a real coordinator and a node: a question in MQTT 5 and its answer, a node that is seen there,
// the end of the process and of the coordinator; and a Mosquitto of the house that is bridged.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import t from 'tap';
import { freePort } from '../fixtures/ports.ts';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { findProgram, noProgram } from '../fixtures/programs.ts';
import { namesIn, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(180_000);
const run = promisify(execFile);
const root = 'blackroad/v1';
const program = findProgram('mosquitto');
const skip = noProgram('mosquitto');

const fleet = await startFleet(t, { args: ['--people-port', String(await freePort())] });
await fleet.simulate('one');
const node = namesIn(fleet, 'one')[0] as string;
await presence(fleet, node, 'online');
await fleet.apply({ name: 'greeter' });
await ready(fleet, 'greeter');
const stand = async () => (await fleet.client.call('mqtt')).people;
const port = (await until('the door', async () => (await stand())?.port ?? undefined)) as number;

function heardBy(client: MqttClient): IPublishPacket[] {
  const heard: IPublishPacket[] = [];
  client.on('message', (_topic, _payload, packet) => heard.push(packet));
  return heard;
}
const textOf = ({ payload }: IPublishPacket) => JSON.parse(payload.toString()).text as string;
let programs = 0;
async function connect(fleet: Fleet, more: IClientOptions = {}): Promise<{ client: MqttClient; id: string }> {
  const body = { name: `kitchen-${++programs}`, role: 'operator' } as const;
  const { id, key } = await fleet.client.call('keyCreate', { body });
  const client = await mqtt.connectAsync({
    ...{ protocol: 'mqtts', host: '127.0.0.1', port, ca: fleet.ca, username: id, password: key, protocolVersion: 5 },
    ...more,
  });
  t.teardown(() => client.end(true));
  return { client, id };
}

t.test('a question with a response topic, and the older one, at the same agent', async (t) => {
  const { client, id } = await connect(fleet);
  const heard = heardBy(client);
  await client.subscribeAsync([`${root}/response/${id}/+`, `${root}/agent/greeter/answer/+`], { qos: 1 });
  const properties = {
    responseTopic: `${root}/response/${id}/1`,
    correlationData: Buffer.from('42'),
    userProperties: { room: 'kitchen' },
    messageExpiryInterval: 60,
  };
  await client.publishAsync(`${root}/agent/greeter/ask`, 'Is the kettle on?', { qos: 1, properties });
  const answer = await until('the answer', async () => heard[0]);
  t.match(answer, { topic: `${root}/response/${id}/1`, properties: { userProperties: { room: 'kitchen' } } });
  t.equal(answer.properties?.correlationData?.toString(), '42');
  t.equal(textOf(answer), 'Simulated answer to: Is the kettle on?');
  const [task] = await fleet.client.call('tasks', { query: { agent: 'greeter', limit: 1 } });
  t.ok((task?.deadlineMs ?? 0) - (task?.createdMs ?? 0) <= 60_000, 'the question is worth nothing after a minute');
  await client.publishAsync(`${root}/agent/greeter/ask`, JSON.stringify({ id: 'old', prompt: 'And now?' }), { qos: 1 });
  const older = await until('the other answer', async () => heard[1]);
  t.equal(older.topic, `${root}/agent/greeter/answer/old`);
  await client.publishAsync(`${root}/agent/nobody/ask`, 'x', { qos: 1, properties });
  const refused = await until('the refusal', async () => heard[2]);
  t.match(textOf(refused), /no agent nobody/);
  t.equal(refused.properties?.correlationData?.toString(), '42', 'a refusal comes where the answer would');
});

t.test('Home Assistant finds the fleet there, announces itself and orders', async (t) => {
  const { client } = await connect(fleet);
  const heard = heardBy(client);
  const device = `homeassistant/device/blackroad-node-${node}/config`;
  await client.subscribeAsync(['homeassistant/device/+/config', `${root}/home/+/state`], { qos: 1 });
  await until('its device', async () => heard.find(({ topic, retain }) => topic === device && retain));
  const before = heard.length;
  await client.publishAsync('homeassistant/status', 'online', { qos: 1 });
  await until('its device again', async () => heard.slice(before).find(({ topic }) => topic === device));
  const set = (wanted: boolean) =>
    client.publishAsync(`${root}/home/node-${node}/set/cordon`, JSON.stringify({ wanted }), { qos: 1 });
  const isCordoned = async () => (await fleet.client.call('node', { params: { node } })).cordoned;
  await set(true);
  await until('the cordon', isCordoned);
  await set(false);
  await until('its end', async () => !(await isCordoned()));
  await t.rejects(client.publishAsync(device, '{}', { qos: 1 }), { code: 0x87 }, 'nobody else makes devices');
});

t.test('the process is killed: nodes stay, programs come again, the fleet says so', async (t) => {
  const { client } = await connect(fleet, { reconnectPeriod: 200 });
  const heard = heardBy(client);
  await client.subscribeAsync(`${root}/node/+/state`, { qos: 1 });
  await until('the retained state', async () => heard.find(({ retain }) => retain));
  const before = heard.length;
  const metrics = await fleet.client.call('metrics');
  t.match(metrics, /blackroad_people_door_up 1/);
  const { stdout } = await run('pgrep', [
    '-P',
    String(fleet.coordinator.child.pid),
    '-f',
    'bus/people/process|people-door',
  ]);
  process.kill(Number(stdout.trim()), 'SIGKILL');
  await until('the restart', async () => ((await stand())?.restarts === 1 ? true : undefined));
  await until('the state again', async () => (heard.length > before ? true : undefined));
  t.match(await stand(), { problem: null, port, restarts: 1 });
  t.match(fleet.coordinator.log(), /the process of the MQTT door for people ended, and is started again/);
  t.notMatch(JSON.stringify(await fleet.client.call('events', { query: { limit: 50 } })), /node-(suspect|lost)/);
});

t.test('the coordinator is killed: a question asked before is answered at its response topic after', async (t) => {
  const { client, id } = await connect(fleet, { reconnectPeriod: 200 });
  const heard = heardBy(client);
  await client.subscribeAsync([`${root}/response/${id}/+`, `${root}/node/+/state`], { qos: 1 });
  await fleet.apply({ name: 'slow', model: ['no-such-model'] });
  const properties = { responseTopic: `${root}/response/${id}/later`, correlationData: Buffer.from('x') };
  await client.publishAsync(`${root}/agent/slow/ask`, 'Still there?', { qos: 1, properties });
  await until('the task', async () => (await fleet.client.call('tasks', { query: { agent: 'slow', limit: 1 } }))[0]);
  await fleet.restartCoordinator('SIGKILL');
  await until('the program', async () => (client.connected ? true : undefined));
  const [task] = await fleet.client.call('tasks', { query: { agent: 'slow', limit: 1 } });
  await fleet.client.call('taskCancel', { params: { task: task?.id as string } });
  const answer = await until('its end', async () => heard.find(({ topic }) => topic.endsWith('/later')));
  t.equal(answer.properties?.correlationData?.toString(), 'x');
  await until('the retained state', async () => heard.find(({ topic, retain }) => retain && topic.endsWith('/state')));
});

t.test('a Mosquitto of the house', { skip }, async (t) => {
  const folder = join(fleet.folder, 'bridge');
  const flags = ['--to', folder, '--ca-path', join(folder, 'blackroad-ca.pem'), '--json', '--host', '127.0.0.1'];
  const cli = (...args: string[]) =>
    run(process.execPath, ['coordinator/cli/src/main.ts', ...args, '--data', join(fleet.folder, 'coordinator')]);
  const made = JSON.parse((await cli('integrations', 'bridge', ...flags)).stdout);
  t.match(made, { port, role: 'operator', host: '127.0.0.1' });
  await t.rejects(cli('integrations', 'bridge', ...flags), /without the files of a bridge/);
  await t.rejects(cli('integrations', 'bridge', '--for', 'nats'), /NATS cannot connect/);
  const config = readFileSync(join(folder, 'blackroad-fleet.conf'), 'utf8');
  const [into, out] = ['in', 'out'].map((way) =>
    [...config.matchAll(/^topic (\S+) (in|out) [01]$/gm)].filter(([, , at]) => at === way).map(([, filter]) => filter),
  );
  t.same(out, [`${root}/agent/+/ask`, `${root}/in/#`, `${root}/home/+/set/+`, 'homeassistant/status']);
  t.ok(into?.includes('homeassistant/device/+/config'));
  t.notOk(
    into?.some((filter) => /ask|cmd|reply|#/.test(filter as string)),
    'no topic goes both ways',
  );
  const housePort = await freePort();
  const main = join(folder, 'mosquitto.conf');
  const rights = join(folder, 'rights.acl');
  writeFileSync(rights, `topic readwrite house/#\n${readFileSync(join(folder, 'blackroad-fleet.acl'), 'utf8')}`);
  writeFileSync(
    main,
    `user root\nlistener ${housePort} 127.0.0.1\nallow_anonymous true\nacl_file ${rights}\nlog_dest stderr\n${config}`,
  );
  let broker: ChildProcess = spawn(program as string, ['-c', main], { stdio: 'ignore' });
  t.teardown(() => broker.kill('SIGKILL'));
  const house = await until('the house', () =>
    mqtt.connectAsync({ host: '127.0.0.1', port: housePort, protocolVersion: 5 }).catch(() => undefined),
  );
  t.teardown(() => house.end(true));
  const heard = heardBy(house);
  await house.subscribeAsync(`${root}/#`, { qos: 1 });
  await until('the node', async () => heard.find(({ topic }) => topic === `${root}/node/${node}/state`));
  const responseTopic = `${root}/response/${made.key}/tv`;
  const properties = { responseTopic, correlationData: Buffer.from('c') };
  await house.publishAsync(`${root}/agent/greeter/ask`, 'From the sofa', { qos: 1, properties });
  const answer = await until('the answer', async () => heard.find(({ topic }) => topic === responseTopic));
  t.equal(textOf(answer), 'Simulated answer to: From the sofa');
  t.equal(answer.properties?.correlationData?.toString(), 'c', 'properties come through');
  await house.publishAsync(`${root}/agent/greeter/ask`, '{"id":"sofa","prompt":"Again"}', { qos: 1 });
  await until('the older way', async () => heard.find(({ topic }) => topic === `${root}/agent/greeter/answer/sofa`));
  await t.rejects(house.publishAsync(`${root}/node/${node}/state`, 'forged', { qos: 1 }), { code: 0x87 });
  await fleet.apply({ name: 'hall', triggers: [{ topic: 'hall/+', prompt: 'Motion: {{payload}}' }] });
  await ready(fleet, 'hall');
  await house.publishAsync(`${root}/in/hall/motion`, 'ON', { qos: 1 });
  const woken = () => fleet.client.call('tasks', { query: { agent: 'hall', limit: 9 } });
  t.match(await until('a sensor of the house wakes', async () => (await woken())[0]), { origin: 'trigger' });
  const asked = heard.filter(({ topic }) => topic.endsWith('/ask') || topic.startsWith(`${root}/in/`));
  t.same(asked, [], 'nobody in the house may read questions, and none comes back');
  const tasks = await fleet.client.call('tasks', { query: { agent: 'greeter', limit: 100 } });
  t.equal(tasks.filter(({ prompt }) => prompt === 'From the sofa').length, 1, 'once');
  // Its port is free again when it has ended.
  const gone = once(broker, 'exit');
  broker.kill('SIGKILL');
  await gone;
  broker = spawn(program as string, ['-c', main], { stdio: 'ignore' });
  heard.length = 0;
  await until('the state after a restart of the house', async () =>
    heard.find(({ topic }) => topic.endsWith('/state')),
  );
});
