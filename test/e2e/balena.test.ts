// A balena fleet with real processes, by the command line: devices become nodes, a release reaches them wave by wave and goes back, a device
// that is away follows, and what balena does not take is waited for. Balena itself is scripted; its devices are node-agents of this machine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BalenaDevices, BalenaImported, RolloutDetails, RolloutView } from '@blackroad/protocol';
import t from 'tap';
import { addDevice, noBalenaSdk } from '../fixtures/balena-devices.ts';
import { balenaToken, type ScriptedDevice, startBalenaServer } from '../fixtures/balena-server.ts';
import { fromSource, type Process, runFleet, startFleet, startProcess, until } from '../fixtures/processes.ts';
import { nodeOf, presence } from '../fixtures/steps.ts';

t.setTimeout(300_000);

t.test('devices become nodes, and get releases in waves', { skip: noBalenaSdk }, async (t) => {
  const balena = await startBalenaServer();
  t.teardown(() => balena.close());
  for (const name of ['Alice', 'bob', 'carol']) addDevice(balena, name);
  addDevice(balena, 'elsewhere', { application: 4, running: 60, pinned: null });
  const tokenFile = join(t.testdir(), 'balena-token');
  writeFileSync(tokenFile, balenaToken);
  const args = ['--balena-fleet', 'acme/home, acme/lab', '--balena-api', balena.url, '--balena-token-file', tokenFile];
  // The workspace of balena-sdk is found from there alone.
  const { coordinator } = fromSource;
  const fleet = await startFleet(t, { args, programs: { coordinator } });
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const run = async <T>(...words: string[]): Promise<T> => {
    const ran = await runFleet([...words, '--json', ...data]);
    t.equal(ran.code, 0, `${words.join(' ')}: ${ran.stderr}`);
    return JSON.parse(ran.stdout || 'null') as T;
  };

  /** The container of the device, with its variables; a new release is a new container. */
  const containers = new Map<string, Process>();
  const startContainer = async ({ name, uuid, variables }: ScriptedDevice) => {
    const alone = ['--instance', name, '--ollama', 'none', '--fetch', 'none'];
    const env = { ...Object.fromEntries(variables), BALENA_DEVICE_UUID: uuid };
    const nodeData = ['--data', join(fleet.folder, name)];
    containers.set(name, await startProcess(t, 'node-agent/src/main.ts', ['run', ...nodeData, ...alone], 60_000, env));
  };
  let replaced = Promise.resolve();
  balena.onInstalled = (device) => {
    replaced = replaced.then(async () => {
      await containers.get(device.name)?.kill('SIGTERM');
      await startContainer(device);
    });
  };

  await until('balena has answered', async () => (await fleet.client.call('balena')).askedMs !== null);
  const status = await runFleet(['balena', ...data]);
  t.match(
    status.stdout,
    /acme\/home +3 +0 +1\.0\.0 +1\.2\.0 1\.1\.0 1\.0\.0\nacme\/lab +1 +0 +- +7\.0\.0\n\nhttp:.* answered/,
  );
  const list = await runFleet(['balena', 'import', 'acme/home', ...data]);
  t.match(list.stdout, /Alice +0b0b0b0 +online +1\.0\.0 +1\.0\.0 +would be alice\n/);
  t.match(list.stdout, /Nothing was changed\. .*balena import acme\/home --apply/);
  t.equal(balena.asked.filter((line) => !line.startsWith('GET')).length, 0, 'nothing is changed at balena either');
  t.match(await runFleet(['balena', 'import', 'acme/other', ...data]), {
    code: 2,
    stderr: /expected acme\/home or acme\/lab/,
  });

  const made = await run<BalenaImported>(
    ...[
      'balena',
      'import',
      'acme/home',
      '--apply',
      '--site',
      'barn',
      '--labels',
      'by=balena',
      '--address',
      '127.0.0.1',
    ],
  );
  t.same(
    made.map(({ node, did }) => `${node} ${did}`),
    ['alice prepared', 'bob prepared', 'carol prepared'],
  );
  const alice = balena.device('Alice');
  t.match(Object.fromEntries(alice.variables), { BLACKROAD_NODE_NAME: 'alice', BLACKROAD_JOIN_TOKEN: /^brj1\./ });
  t.same([...alice.tags], [['blackroad-node', 'alice']]);
  const again = await run<BalenaImported>('balena', 'import', 'acme/home', '--apply', '--address', '127.0.0.1');
  t.same(new Set(again.map(({ did }) => did)), new Set(['nothing']), 'nothing is done twice');
  t.equal((await fleet.client.call('joinTokens')).length, 3);

  for (const name of ['Alice', 'bob', 'carol']) await startContainer(balena.device(name));
  for (const node of ['alice', 'bob', 'carol']) await presence(fleet, node, 'online');
  t.match(await nodeOf(fleet, 'alice'), { site: 'barn', labels: { by: 'balena' }, info: { balenaDevice: alice.uuid } });
  await until('balena was asked since', async () => {
    const { devices } = await run<BalenaDevices>('balena', 'import', 'acme/home');
    return devices.every(({ state }) => state === 'node');
  });

  const shown = (id: string) => fleet.client.call('rollout', { params: { rollout: id } });
  const reaches = (id: string, what: string, holds: (view: RolloutDetails) => boolean) =>
    until(
      what,
      async () => {
        const view = await shown(id);
        if (holds(view)) return view;
        throw new Error(`${view.state}: ${view.reason} ${JSON.stringify(view.subjects)} ${balena.odd}`);
      },
      60_000,
    );
  const running = () => balena.devices.slice(0, 3).map((each) => `${each.running} ${each.pinned}`);
  const options = ['--waves', '1,100%', '--soak', '2s', '--gates', 'update,contact', '--max-unavailable', '3'];
  const wrong = await runFleet(['rollouts', 'start', 'balena', '7.0.0', ...options, ...data]);
  t.match(
    wrong,
    { code: 1, stderr: /acme\/home, which has no finished release 7\.0\.0/ },
    'a release of another fleet',
  );

  // Carol is switched off, and balena asks for patience: neither is the fault of the release.
  await containers.get('carol')?.kill('SIGKILL');
  balena.device('carol').isOnline = false;
  await presence(fleet, 'carol', 'lost');
  balena.moods.set('PATCH device', { status: 429, retryAfter: '2' });
  const { id } = await run<RolloutView>('rollouts', 'start', 'balena', '1.1.0', ...options);
  await reaches(id, 'balena asks for patience', ({ subjects }) =>
    subjects.some(({ step }) => /fewer requests/.test(step ?? '')),
  );
  t.match(
    (await runFleet(['balena', ...data])).stdout,
    /balena asks for fewer requests \(429\), for .*; asked again in/,
  );
  t.same(running(), ['50 50', '50 50', '50 50']);
  await fleet.restartCoordinator('SIGKILL');
  balena.moods.clear();
  await reaches(id, 'the first wave has it', ({ wave, waves }) => wave === 1 && waves[0]?.done === 1);
  t.equal(running().filter((each) => each === '51 51').length, 1, 'and nobody else');
  await reaches(id, 'it is done', ({ state }) => state === 'done');
  t.same(running(), ['51 51', '51 51', '50 50']);
  balena.device('carol').isOnline = true;
  await startContainer(balena.device('carol'));
  await reaches(id, 'carol follows', ({ subjects }) => subjects.every(({ state }) => state === 'done'));
  t.same(running(), ['51 51', '51 51', '51 51']);

  // The devices never get there, and go back by themselves.
  const stuck = await run<RolloutView>('rollouts', 'start', 'balena', '1.2.0', ...options, '--patience', '8s');
  const isUnderWay = ({ subjects }: RolloutDetails) => subjects.some(({ step }) => step === 'updating 40 %');
  await reaches(stuck.id, 'its step is what balena says', isUnderWay);
  const red = await reaches(stuck.id, 'it goes back', ({ state }) => state === 'rolled-back');
  t.match(
    red.reason,
    /the gate update is red: 1 of 1 did not get it; .*: not there 8 s after it was told: updating 40 %/,
  );
  t.same(running(), ['51 51', '51 51', '51 51']);

  // A person takes a release back that went through.
  await run('rollouts', 'back', id);
  const back = await runFleet(['rollouts', 'watch', id, ...data]);
  t.match(back, { code: 1, stderr: /balena release 1\.1\.0 is rolled-back: rolled back by key:admin/ });
  t.same(running(), ['50 50', '50 50', '50 50'], 'each is pinned to the one before');
  balena.moods.set('POST device_tag', { status: 500 });
  const failing = ['balena', 'import', 'acme/lab', '--apply', '--only', 'elsewhere', '--address', '127.0.0.1'];
  t.match(await runFleet([...failing, ...data]), {
    code: 1,
    stdout: /failed: balena has a fault of its own \(500\)/,
    stderr: /1 device of 1 failed/,
  });
  const audited = await fleet.client.call('audit', { query: { limit: 100 } });
  t.equal(audited.filter(({ action }) => action === 'balena-import').length, 3);
  t.same(balena.odd, [], 'the SDK asks nothing that was not recorded');
});
