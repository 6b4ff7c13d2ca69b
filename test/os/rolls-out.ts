// The part of os-check about a rollout: a person starts it, the node says what waits, apt works, the machine restarts, and the node tells that it
// is up again. In: a fleet of one machine, installed by the one line.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Fleet, runFleet, until } from '../fixtures/processes.ts';
import type { Machine } from '../install/machine.ts';
import { say } from '../install/steps.ts';
import { offer } from './repository.ts';

export async function rollsOut(fleet: Fleet, machine: Machine): Promise<void> {
  const { client, folder } = fleet;
  const [node] = await client.call('nodes');
  assert.ok(node);
  const here = async () => (await client.call('nodes')).find(({ presence }) => presence === 'online')?.info?.osUpdates;
  await offer(machine, 'security', [
    {
      name: 'br-kernel',
      version: '2.0',
      setUp: 'touch /run/reboot-required; echo br-kernel >>/run/reboot-required.pkgs',
    },
  ]);
  await machine.run('apt-get -qq update');
  // The node-agent counts at its start, and every ten minutes.
  await machine.run('systemctl restart blackroad-node');
  const waits = await until('what waits', async () => ((await here())?.security === 1 ? here() : null), 120_000);
  say(`${node.id} says: ${JSON.stringify(waits)}`);
  const data = ['--data', join(folder, 'coordinator')];
  const options = ['--waves', '100%', '--soak', '2s', '--json'];
  const started = await runFleet(['rollouts', 'start', 'os', 'security', ...options, ...data]);
  assert.equal(started.code, 0, started.stderr);
  const { id } = JSON.parse(started.stdout);
  const boot = async () => (await machine.run('cat /proc/sys/kernel/random/boot_id')).text.trim();
  const before = await boot();
  const state = async () => client.call('rollout', { params: { rollout: id } });
  await until('the restart', async () => (await boot()) !== before, 120_000);
  await machine.cameBack();
  const over = await until(
    'the end of the rollout',
    async () => {
      const view = await state();
      if (view.state === 'done' || view.state === 'stopped') return view;
      throw new Error(`${view.state}: ${view.reason} ${JSON.stringify(view.subjects)}`);
    },
    120_000,
  );
  assert.equal(over.state, 'done', over.reason);
  const events = await client.call('events', { query: { type: 'os-update' } });
  for (const { text } of events.toReversed()) say(`the fleet heard: ${text}`);
  const told = events.map(({ params }) => `${params.job} ${params.state}`).toReversed();
  assert.deepEqual(told, ['security begun', 'security updated', 'restart restarting', 'restart restarted']);
  const after = await until('that nothing waits', async () => ((await here())?.security === 0 ? here() : null), 60_000);
  assert.equal(after?.restart, false);
}
