// The parts of this machine, told by a real node-agent with a real child: by itself after its start, and when a person asks; seen by who may
// see nodes, and in no log.
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createClient } from '../../coordinator/cli/src/client.ts';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { presence } from '../fixtures/steps.ts';

t.setTimeout(180_000);

t.test('a node tells the parts of its machine', async (t) => {
  const fleet = await startFleet(t);
  const node = await fleet.runNode('box');
  await presence(fleet, 'box', 'online');
  const params = { node: 'box' };
  const known = () => fleet.client.call('nodeHardware', { params });
  t.same(await known(), { hardware: null, sinceMs: null }, 'not at once');
  const reached = await until('where its machine is reached', async () => {
    const view = await fleet.client.call('node', { params });
    return view.address === null ? null : view;
  });
  t.equal(reached.address, '127.0.0.1');
  const told = await until('its hardware', async () => ((await known()).hardware ? known() : null), 60_000);
  t.match(told, { hardware: { cpu: { cores: Number }, network: Array }, sinceMs: Number });

  const data = ['--data', join(fleet.folder, 'coordinator')];
  const words = await runFleet(['nodes', 'show', 'box', '--hardware', '--again', ...data]);
  t.match(words, { code: 0, stderr: '' });
  t.match(words.stdout, /^processor {2}.*core/m);
  t.match(words.stdout, /Told first .* ago, and unchanged since\.$/m);
  t.strictSame(await known(), told, 'the same parts keep their time');
  t.match(await runFleet(['nodes', 'show', 'box', '--again', ...data]), {
    code: 2,
    stderr: /--again goes with --hardware/,
  });

  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const [address] = addresses.flatMap(({ internal, mac }) => (internal || /^(00:){5}00$/.test(mac) ? [] : [mac]));
  if (address) {
    t.match(words.stdout, address, hostname());
    for (const log of [node.log(), JSON.stringify((await fleet.client.call('nodeLog', { params })).lines)])
      t.notMatch(log, address, 'no log names it');
  }
  const as = async (role: 'viewer' | 'client') => {
    const { key } = await fleet.client.call('keyCreate', { body: { name: `look-${role}`, role } });
    return createClient({ url: fleet.client.url, key, ca: null });
  };
  const viewer = await as('viewer');
  t.ok((await viewer.call('nodeHardware', { params })).hardware);
  await t.rejects(viewer.call('nodeHardwareLook', { params }), { code: 'not-allowed' });
  await t.rejects((await as('client')).call('nodeHardware', { params }), { code: 'not-allowed' });

  await fleet.client.call('nodeForget', { params });
  await t.rejects(known(), { code: 'no-such-node' });
});
