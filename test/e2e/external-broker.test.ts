// A coordinator behind a Mosquitto: `fleet/state` says that it is gone when it is killed, and that it is back; a node works there;
// a wrong password is said in one sentence, without the password, and tried again and again.
// Skipped, with the reason printed, where Mosquitto is not installed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FleetState, topicOf } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import mqtt from 'mqtt';
import t, { type Test } from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { coordinatorUser, openCa } from '../../coordinator/src/ca/ca.ts';
import { makeRequest } from '../fixtures/coordinator/test-ca.ts';
import { type Mosquitto, startMosquitto } from '../fixtures/mosquitto.ts';
import { startProcess, until } from '../fixtures/processes.ts';
import { findProgram, noProgram } from '../fixtures/programs.ts';

t.setTimeout(120_000);
const program = findProgram('mosquitto');
const skip = noProgram('mosquitto');
const password = 'correct horse';
const home = 'homeassistant';

/** A CA, a broker with its certificates, and a coordinator that is given the broker. */
async function open(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-broker-'));
  const data = join(folder, 'coordinator');
  const parts = { clock: systemClock, random: systemRandom, fleetName: 'BlackRoad Fleet', enrolled: async () => 0 };
  const ca = await openCa({ dir: join(data, 'ca'), ...parts });
  const server = await ca.issueServer({ hosts: [] });
  const broker = await startMosquitto(
    program as string,
    folder,
    { ...server, ca: ca.pem },
    { users: { [coordinatorUser]: password, [home]: password }, home },
  );
  t.teardown(async () => {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const { key, csr } = await makeRequest();
  const cert = await ca.signNode({ node: 'reader', csr, notAfterMs: systemClock.nowMs() + 86_400_000 });
  return {
    folder,
    broker,
    start: (args: string[], env = {}) =>
      startProcess(
        t,
        'coordinator/src/main.ts',
        ['--data', data, '--port', '0', '--host', '127.0.0.1', '--log', 'debug', ...args],
        60_000,
        env,
      ),
    /** What somebody who comes now reads. */
    readState: () => readState(broker, { key, cert, ca: ca.pem }),
  };
}

async function readState({ port }: Mosquitto, tls: { key: string; cert: string; ca: string }): Promise<FleetState> {
  const client = mqtt.connect({ protocol: 'mqtts', host: '127.0.0.1', port, ...tls, reconnectPeriod: 0 });
  try {
    return await new Promise<FleetState>((resolve, reject) => {
      client.on('error', reject);
      client.on('message', (_topic, payload) => resolve(JSON.parse(payload.toString()) as FleetState));
      client.subscribe(topicOf('fleetState', {}), { qos: 1 });
    });
  } finally {
    client.end(true);
  }
}

t.test(
  'a coordinator that is killed is offline for whoever looks; started again, it is online',
  { skip },
  async (t) => {
    const { folder, broker, start, readState } = await open(t);
    const args = ['--broker', `mqtts://127.0.0.1:${broker.port}`];
    const first = await start(args);
    const key = readFileSync(first.ready.keyFile as string, 'utf8').trim();
    const client = createClient({ url: first.ready.url as string, key, ca: null });
    const body = { uses: 1, expiresSeconds: 3600, address: `127.0.0.1:${new URL(first.ready.tlsUrl as string).port}` };
    const { token } = await client.call('joinTokenCreate', { body });
    const node = ['--data', join(folder, 'node'), '--simulate', '1', '--profile', 'lab'];
    await startProcess(t, 'node-agent/src/main.ts', ['simulate', token, ...node]);
    await until('the node', async () => (await client.call('nodes')).some(({ presence }) => presence === 'online'));
    const born = await until('the birth', async () => {
      const state = await readState();
      return state.state === 'online' && state;
    });
    await first.kill('SIGKILL');
    const gone = await until('the will', async () => {
      const state = await readState();
      return state.state === 'offline' && state;
    });
    t.equal(gone.coordinator, born.coordinator);
    const second = await start(args);
    const back = await until('the next birth', async () => {
      const state = await readState();
      return state.state === 'online' && state;
    });
    t.not(back.coordinator, born.coordinator);
    await second.kill('SIGTERM');
    t.match(await readState(), { state: 'offline', coordinator: back.coordinator });
  },
);

t.test('a broker that wants a password', { skip }, async (t) => {
  const { folder, broker, start, readState } = await open(t);
  const file = join(folder, 'password');
  writeFileSync(file, `${password}\n`);
  const asked = ['--broker', `mqtt://127.0.0.1:${broker.plainPort}`, '--broker-user', coordinatorUser];

  await t.test('a wrong one is said once, without itself, and ends nothing', async (t) => {
    const coordinator = await start(asked, { BLACKROAD_BROKER_PASSWORD: 'hunter2' });
    const url = coordinator.ready.url as string;
    const key = readFileSync(coordinator.ready.keyFile as string, 'utf8').trim();
    const refused = async () => {
      const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
      const found = /blackroad_bus_refused_total\{reason="connection"\} (\d+)/.exec(await answer.text());
      return Number(found?.[1] ?? 0) >= 5;
    };
    await until('five tries', refused, 60_000);
    const sentences = coordinator.log().match(/does not let .{0,60} in: the user name or the password is wrong/g);
    t.equal(sentences?.length, 1, coordinator.log());
    t.match(coordinator.log(), /--broker-user, and BLACKROAD_BROKER_PASSWORD or --broker-password-file/);
    t.notMatch(coordinator.log(), /hunter2/);
    await coordinator.kill('SIGTERM');
    t.equal(coordinator.child.exitCode, 0);
  });

  await t.test('a password in the address is refused, and not shown', async (t) => {
    const url = `mqtt://${coordinatorUser}:hunter2@127.0.0.1:${broker.plainPort}`;
    const words = await start(['--broker', url]).catch((error: Error) => error.message);
    t.match(words, /ended with 2 before .*expected an address without user name and password; give them as/s);
    t.notMatch(words, /hunter2/);
  });

  await t.test('the right one, in a file, lets it in', async (t) => {
    const coordinator = await start([...asked, '--broker-password-file', file]);
    t.match(await until('the birth', async () => readState()), { state: 'online' });
    t.notMatch(coordinator.log(), new RegExp(password));
    await coordinator.kill('SIGTERM');
  });
});

t.test('what is for Home Assistant passes the rights of docs/acl, both ways', { skip }, async (t) => {
  const { broker, start } = await open(t);
  const coordinator = await start(['--broker', `mqtts://127.0.0.1:${broker.port}`]);
  const client = await mqtt.connectAsync({
    ...{ protocol: 'mqtt', host: '127.0.0.1', port: broker.plainPort, username: home, password },
    ...{ protocolVersion: 5, reconnectPeriod: 0 },
  });
  t.teardown(() => client.end(true));
  const heard = new Map<string, number>();
  client.on('message', (topic) => heard.set(topic, (heard.get(topic) ?? 0) + 1));
  await client.subscribeAsync(['homeassistant/#', 'blackroad/v1/home/#'], { qos: 1 });
  const device = 'homeassistant/device/blackroad-fleet/config';
  await until('the fleet as a device', async () => heard.has(device) && heard.has('blackroad/v1/home/fleet/state'));
  await client.publishAsync('homeassistant/status', 'online', { qos: 1 });
  await until('all of it twice', async () => (heard.get(device) ?? 0) >= 3);
  await client.publishAsync('blackroad/v1/home/node-nobody/set/cordon', '{"wanted":true}', { qos: 1 });
  await until('the order', async () => coordinator.log().includes('There is no device node-nobody'));
  const denied = client.publishAsync('homeassistant/device/blackroad-mallory/config', '{}', { qos: 1 });
  await t.rejects(denied, /Not authorized/);
});
