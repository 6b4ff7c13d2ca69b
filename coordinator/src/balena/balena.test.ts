// The driver of balena against the scripted API, with the SDK in its own process: what each fault means, how long balena is left alone, what
// hangs or dies, and that nothing is asked that the SDK was not recorded to ask.
import { readdirSync, readFileSync } from 'node:fs';
import { FleetError, type NodeInfo } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { addDevice, balenaHome, noBalenaSdk } from '../../../test/fixtures/balena-devices.ts';
import { balenaToken, startBalenaServer, uuidOf } from '../../../test/fixtures/balena-server.ts';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import type { BalenaDeviceRow } from '../state/balena-stand.ts';
import { Balena } from './balena.ts';
import { BalenaProcess } from './balena-process.ts';
import type { BalenaCall, BalenaSettings } from './wire.ts';

type Test = Pick<typeof import('tap').default, 'teardown'>;
const settingsFor = (apiUrl: string, over: Partial<BalenaSettings> = {}): BalenaSettings => {
  const limits = { maxDevices: 3, maxReleases: 2, maxRetryAfterS: 3600 };
  return { apiUrl, token: balenaToken, fleets: ['acme/home', 'acme/lab'], ...limits, ...over };
};
async function rigOf(t: Test, { withinMs = 20_000, over = {} as Partial<BalenaSettings> } = {}) {
  const balena = await startBalenaServer();
  t.teardown(() => balena.close());
  const settings = settingsFor(balena.url, over);
  const process = new BalenaProcess({ settings, home: balenaHome, clock: systemClock, log: silentLog, withinMs });
  t.teardown(() => process.stop());
  const fault = async (asked: BalenaCall) => {
    try {
      await process.call(asked);
    } catch (error) {
      const { kind, message, retryAfterS } = error as { kind: string; message: string; retryAfterS: number };
      return { kind, message, retryAfterS };
    }
    throw new Error(`${asked.call} went through`);
  };
  return { balena, settings, process, fault };
}
const look: BalenaCall = { call: 'look' };

t.test('what balena has comes in our words, and within our limits', { skip: noBalenaSdk }, async (t) => {
  const { balena, process } = await rigOf(t);
  for (const name of ['a', 'b', 'c', 'd']) addDevice(balena, name);
  addDevice(balena, 'of the lab', { application: 4 });
  balena.device('a').variables.set('BLACKROAD_JOIN_TOKEN', 'secret');
  Object.assign(balena.device('b'), { uuid: 'no uuid' });
  Object.assign(balena.device('c'), { pinned: 51, tags: new Map([['blackroad-node', 'carol']]) });
  const devices: BalenaDeviceRow[] = [];
  const { fleets } = await process.call({ call: 'look' }, (page) => devices.push(...page));
  t.match(fleets, [
    { slug: 'acme/home', tracks: { id: 50, name: '1.0.0' }, releases: [{ name: '1.2.0' }, { name: '1.1.0' }] },
    { slug: 'acme/lab', tracks: null, releases: [{ name: '7.0.0' }] },
  ]);
  t.same(
    devices.map(({ name, status, tag, hasToken }) => ({ name, status, tag, hasToken })),
    [
      { name: 'a', status: 'operational', tag: null, hasToken: true },
      { name: 'c', status: 'updating 40 %', tag: 'carol', hasToken: false },
      { name: 'd', status: 'operational', tag: null, hasToken: false },
    ],
    'what is no device is left out, and so is what is beyond the limit',
  );
  t.notMatch(JSON.stringify(devices), /secret/, 'the join token stays there');
  for (const value of ['1', '2'])
    await process.call({ call: 'prepare', device: 11, variables: { BLACKROAD_NODE_NAME: value }, tag: `n${value}` });
  t.same([...balena.device('a').tags], [['blackroad-node', 'n2']], 'what is there is replaced');
  t.equal(balena.device('a').variables.get('BLACKROAD_NODE_NAME'), '2');
  t.same(balena.odd, []);
});

t.test('each fault says whether it helps to ask again', { skip: noBalenaSdk }, async (t) => {
  const { balena, fault } = await rigOf(t);
  addDevice(balena, 'a');
  const pin = (release: number, device = uuidOf(11)): BalenaCall => ({ call: 'pin', device, release });
  t.match(await fault(pin(60)), { kind: 'refused', message: /Release not found/ }, 'a release of another fleet');
  t.match(await fault(pin(51, uuidOf(99))), { kind: 'refused', message: /Device not found/ });
  const under = async (status: number, retryAfter?: string) => {
    balena.moods.set('', { status, ...(retryAfter === undefined ? {} : { retryAfter }) });
    return fault(look);
  };
  t.match(await under(401), { kind: 'credentials', message: /does not take the token \(401\)/ });
  t.match(await under(403), { kind: 'credentials', retryAfterS: 0 });
  t.match(await under(429, '7'), { kind: 'busy', retryAfterS: 7 });
  t.match(await under(429, '9999999'), { kind: 'busy', retryAfterS: 3600 }, 'no longer than a bound');
  const soon = await under(429, new Date(Date.now() + 30_000).toUTCString());
  t.ok(soon.retryAfterS > 25 && soon.retryAfterS <= 31, 'a date');
  t.match(await under(503, 'soon'), { kind: 'failed', retryAfterS: 0 });
  t.match(await under(500), { kind: 'failed', message: /fault of its own \(500\)/ });
  t.match(await under(400), { kind: 'refused' });
  await balena.close();
  t.match(await fault(look), { kind: 'network' });
});

t.test('a token that is none, and an SDK that is not there', { skip: noBalenaSdk }, async (t) => {
  const { fault } = await rigOf(t, { over: { token: 'another' } });
  t.match(await fault(look), { kind: 'credentials' });
  const nowhere = new BalenaProcess({
    ...{ settings: settingsFor('http://127.0.0.1:9'), home: t.testdir(), clock: systemClock, log: silentLog },
  });
  await t.rejects(nowhere.call(look), { kind: 'failed', message: /balena-sdk is not installed: run `make balena`/ });
  const released = new BalenaProcess({
    ...{ settings: settingsFor('http://127.0.0.1:9'), home: null, clock: systemClock, log: silentLog },
  });
  await t.rejects(released.call(look), { kind: 'failed', message: /installed from a release/ });
});

t.test('what hangs is ended, and the next question is answered', { skip: noBalenaSdk }, async (t) => {
  const { balena, process, fault } = await rigOf(t, { withinMs: 3_000 });
  balena.moods.set('GET release', 'silent');
  const both = await Promise.all([fault(look), fault(look)]);
  t.match(both[0], { kind: 'late', message: /did not answer within 3 s/ });
  t.match(both[1], { kind: /late|failed/ });
  balena.moods.clear();
  await t.resolves(process.call(look));
  await process.stop();
  await t.rejects(process.call(look), { kind: 'failed', message: /stops/ });
});

t.test('the driver waits as long as balena says, and tells people so', { skip: noBalenaSdk }, async (t) => {
  const { balena, settings, process } = await rigOf(t);
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  balena.moods.set('', { status: 429, retryAfter: '2' });
  const { coordinator } = fleet;
  const driver = new Balena({
    ...{ settings, process, coordinator, clock: systemClock, random: systemRandom, log: silentLog },
  });
  t.teardown(() => driver.stop());
  fleet.context.balena = driver;
  const devices = () => fleet.problem('GET', '/v1/balena/devices?fleet=acme/home');
  t.match(await devices(), {
    code: 'unavailable',
    detail: /asks for fewer requests \(429\)\. It is asked again in \d+ s/,
  });
  const asked = balena.asked.length;
  t.match(await devices(), { code: 'unavailable', retryAfterSeconds: Number });
  t.equal(balena.asked.length, asked, 'nothing is asked meanwhile');
  const trouble = async () => (await fleet.call<{ fault: object | null }>('GET', '/v1/balena')).body.fault;
  t.match(await trouble(), { text: /fewer requests/ });
  balena.moods.clear();
  for (let i = 0; i < 100 && coordinator.view.balena === null; i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  t.ok(coordinator.view.balena, 'it looks by itself when the time is over');
  t.equal(await trouble(), null);

  addDevice(balena, 'a', { tags: new Map([['blackroad-node', 'Not A Name']]) });
  addDevice(balena, 'a');
  const body = { fleet: 'acme/home', devices: [uuidOf(11), uuidOf(12), uuidOf(11)], address: '192.0.2.1' };
  t.match(await fleet.problem('POST', '/v1/balena/import', { body: { ...body, devices: [uuidOf(99)] } }), {
    code: 'invalid-request',
    detail: /expected devices of acme\/home/,
  });
  balena.moods.set('POST device_tag', { status: 500 });
  const half = (await fleet.call<{ did: string; text: string }[]>('POST', '/v1/balena/import', { body })).body;
  t.match(half, [{ did: 'failed', text: /fault of its own/ }, { did: 'failed' }]);
  const tokens = async () => (await fleet.call<{ revoked: boolean }[]>('GET', '/v1/join-tokens')).body;
  t.ok(
    (await tokens()).every(({ revoked }) => revoked),
    'nobody is left with a token that nobody knows of',
  );
  balena.moods.clear();
  for (let i = 0; i < 100 && (await trouble()) !== null; i++) await new Promise((resolve) => setTimeout(resolve, 100));
  const done = (await fleet.call<{ did: string; node: string }[]>('POST', '/v1/balena/import', { body })).body;
  t.match(
    done,
    [
      { did: 'prepared', node: 'a' },
      { did: 'prepared', node: 'a-2' },
    ],
    'each once, by names of their own',
  );
  t.same(balena.odd, []);
  await t.rejects(driver.prepare(4711, { A: '1' }, 'x'), { code: 'conflict' });
  t.equal(driver.trouble, null, 'one device that balena does not know is no trouble of balena');
  t.ok((await driver.prepare(4711, {}, 'x').catch((error) => error)) instanceof FleetError);
});

t.test('a device that balena cannot serve holds no other up', { skip: noBalenaSdk }, async (t) => {
  const { balena, settings, process } = await rigOf(t);
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  for (const name of ['a', 'b']) {
    const { uuid } = addDevice(balena, name);
    const node = await fleet.node(name);
    const info = fleet.coordinator.view.nodes.get(name)?.info as NodeInfo;
    node.say('nodeInfo', {}, { ...info, balenaDevice: uuid });
  }
  const parts = { settings, process, coordinator: fleet.coordinator, clock: systemClock, log: silentLog };
  const driver = new Balena({ ...parts, random: systemRandom });
  t.teardown(() => driver.stop());
  await driver.look();
  balena.moods.set('PATCH device(11)', { status: 500 });
  const what = { kind: 'balena', release: '1.1.0' };
  await fleet.call('POST', '/v1/rollouts', { body: { what, waves: [{ percent: 100 }], maxUnavailable: 2 } });
  for (let i = 0; i < 200 && balena.device('b').pinned !== 51; i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  t.equal(balena.device('a').pinned, 50);
  t.equal(balena.device('b').pinned, 51);
});

t.test('only this workspace names the SDK', async (t) => {
  const lock = JSON.parse(readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8'));
  t.notOk(
    Object.keys(lock.packages).some((name) => name.includes('balena')),
    'an ordinary installation has none of it',
  );
  t.ok(readdirSync(balenaHome).includes('package-lock.json'));
});
