// The part of install-check about rollouts: the machine that joined by the one line takes releases by itself, in the sandbox of its unit, comes
// back from one that does not start, refuses what it must, and is repaired by the same line. In: the machine with 0.3.0 installed, whose
// release the coordinator has. Out: the machine with 0.3.0 again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RolloutView } from '@blackroad/protocol';
import { type Fleet, runFleet, until } from '../fixtures/processes.ts';
import type { SampleKey } from '../fixtures/sample-release.ts';
import type { Machine } from './machine.ts';
import { doesNotStart, type MakeRelease } from './release-maker.ts';
import { add, damage, expected, removeAll, say } from './steps.ts';

interface Parts {
  fleet: Fleet;
  machine: Machine;
  command: string;
  make: MakeRelease;
  ours: SampleKey;
  stranger: SampleKey;
}

const home = '/opt/blackroad-node';
const updates = '/var/lib/blackroad-node/updates';
const crashes = "if (process.argv.includes('run')) setTimeout(() => process.exit(1), 300);\n";

/** As a person types it. Returns how it ended. */
async function rollOut({ fleet }: Parts, version: string): Promise<RolloutView> {
  const options = ['--waves', '100%', '--soak', '2s', '--gates', 'update', '--json'];
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const { code, stdout, stderr } = await runFleet(['rollouts', 'start', 'node-agent', version, ...options, ...data]);
  assert.equal(code, 0, stderr);
  return over(fleet, JSON.parse(stdout).id);
}
function over({ client }: Fleet, rollout: string): Promise<RolloutView> {
  const probe = async () => {
    const view = await client.call('rollout', { params: { rollout } });
    if (['done', 'rolled-back', 'aborted'].includes(view.state)) return view;
    throw new Error(JSON.stringify({ state: view.state, reason: view.reason }));
  };
  return until(`the end of rollout ${rollout}`, probe, 180_000);
}
/** The node-agent that runs, once the fleet knows it by this version. */
async function runs({ fleet, machine }: Parts, version: string): Promise<{ pid: string; program: string }> {
  await until(
    `the node is here with ${version}`,
    async () =>
      (await fleet.client.call('nodes')).some((node) => node.presence === 'online' && node.version === version),
    60_000,
  );
  const pid = (await machine.run('systemctl show -p MainPID --value blackroad-node')).text.trim();
  const program = (await machine.run(`readlink /proc/${pid}/exe`)).text.trim();
  return { pid, program };
}

async function isConfined({ machine }: Parts, pid: string): Promise<void> {
  const status = (
    await machine.run(`grep -E '^(Uid|NoNewPrivs|Seccomp|CapBnd):' /proc/${pid}/status | tr '\\n\\t' '  '`)
  ).text;
  say(`its process: ${status.trim()}`);
  assert.match(status, /NoNewPrivs: 1/);
  assert.match(status, /Seccomp: 2/);
  assert.match(status, /CapBnd: 0+ /);
  const inside = `nsenter -t ${pid} -m setpriv --reuid=blackroad-node --regid=blackroad-node --clear-groups --`;
  for (const place of [`${home}/x`, `${home}/releases/x`, '/usr/x', '/etc/x'])
    assert.notEqual((await machine.run(`${inside} touch ${place}`)).code, 0, `${place} is not its own`);
}

/** Its user puts a program of its own there: root runs none of it. */
async function rootStaysAway({ machine }: Parts): Promise<void> {
  const as = 'runuser -u blackroad-node --';
  const evil = `${updates}/releases/9.9.9`;
  const put = `${as} mkdir -p ${evil}/bin; printf '#!/bin/sh\\ntouch /root/taken\\n' >/tmp/evil; ${as} cp /tmp/evil ${evil}/bin/fleet-node; ${as} chmod 755 ${evil}/bin/fleet-node; rm /tmp/evil`;
  await machine.run(
    `${put}; ${as} mv ${updates}/current ${updates}/kept; ${as} ln -s releases/9.9.9 ${updates}/current`,
  );
  for (const command of ['fleet-node --version', `${home}/launch --version`])
    await expected(machine, `root: ${command}`, command, 0, /^0\.3\.0$/m);
  assert.notEqual((await machine.run('test -e /root/taken')).code, 0, 'root ran nothing of it');
  await machine.run(`${as} mv -T ${updates}/kept ${updates}/current; rm -r ${evil}`);
}

async function refusesReleases(parts: Parts): Promise<void> {
  const { fleet, make, ours, stranger } = parts;
  damage(fleet, await add(fleet, await make('0.3.2', ours)));
  writeFileSync(join(fleet.folder, 'coordinator/release-keys/stranger.pub'), stranger.pub);
  await add(fleet, await make('0.3.3', stranger));
  for (const [version, words] of [
    ['0.3.2', /refused: archive: expected SHA-256/],
    ['0.3.3', /refused: signature: expected one by a trusted key/],
  ] as const) {
    const { state, reason } = await rollOut(parts, version);
    say(`rollout of ${version}: ${state}, ${reason}`);
    assert.equal(state, 'rolled-back');
    assert.match(reason, words);
    const { releases } = await fleet.client.call('releases');
    const sha256 = releases.find((release) => release.version === version)?.sha256 as string;
    await fleet.client.call('releaseRemove', { params: { release: sha256 } });
  }
  await runs(parts, '0.3.1');
}

export async function takesUpdates(parts: Parts): Promise<void> {
  const { fleet, make, ours } = parts;
  await add(fleet, await make('0.3.1', ours));
  const first = await rollOut(parts, '0.3.1');
  assert.equal(first.state, 'done', first.reason);
  const { pid, program } = await runs(parts, '0.3.1');
  say(`rollout of 0.3.1: done; the node runs ${program}`);
  assert.equal(program, `${updates}/releases/0.3.1/bin/node`);
  await isConfined(parts, pid);
  await rootStaysAway(parts);

  await add(fleet, await make('0.3.4', ours, [], crashes));
  const crashed = await rollOut(parts, '0.3.4');
  say(`rollout of 0.3.4, which ends after its start: ${crashed.state}, ${crashed.reason}`);
  assert.equal(crashed.state, 'rolled-back');
  assert.match(crashed.reason, /it ended 3 times/);
  await runs(parts, '0.3.1');
  await refusesReleases(parts);

  await fleet.client.call('rolloutBack', { params: { rollout: first.id } });
  assert.equal((await over(fleet, first.id)).state, 'rolled-back');
  const base = await runs(parts, '0.3.0');
  say(`the rollout of 0.3.1 was taken back: the node runs ${base.program}`);
  assert.equal(base.program, `${home}/releases/0.3.0/bin/node`);
  await isRepaired(parts);
}

async function isRepaired(parts: Parts): Promise<void> {
  const { fleet, machine, command, make, ours } = parts;
  const { releases } = await fleet.client.call('releases');
  const later = releases.filter(({ version }) => version === '0.3.4');
  for (const { sha256 } of later) await fleet.client.call('releaseRemove', { params: { release: sha256 } });
  assert.equal((await rollOut(parts, '0.3.1')).state, 'done');
  await machine.run(`echo 'not a program' >${updates}/releases/0.3.1/main.mjs; systemctl kill -s KILL blackroad-node`);
  await until(
    'the node is away',
    async () => (await fleet.client.call('nodes')).every(({ presence }) => presence !== 'online'),
    30_000,
  );
  await expected(machine, 'what a rollout brought was damaged: the line', command, 0, /Node \S+ runs/);
  const { program } = await runs(parts, '0.3.1');
  assert.equal(program, `${home}/releases/0.3.1/bin/node`, 'what was installed runs');
  await until(
    'what lay there before is removed',
    async () => (await machine.run(`ls ${updates}/releases | wc -l`)).text.trim() === '0',
    30_000,
  );

  await add(fleet, await make('0.3.5', ours));
  assert.equal((await rollOut(parts, '0.3.5')).state, 'done');
  await add(fleet, await make('0.3.6', ours, doesNotStart));
  const back = /0\.3\.6 does not run here: 0\.3\.5 is back/;
  await expected(machine, 'the line, with one that does not start', command, 1, back);
  const { program: again } = await runs(parts, '0.3.5');
  assert.equal(again, `${updates}/releases/0.3.5/bin/node`, 'what a rollout brought is back');
  await removeAll(fleet);
  await add(fleet, await make('0.3.0', ours));
  const older = /REFUSED: .*0\.3\.0 is older than 0\.3\.5, which runs here/;
  await expected(machine, 'an older one than what a rollout brought', command, 1, older);
  await runs(parts, '0.3.5');
  await expected(machine, 'and with consent', `${command} --older`, 0, /0\.3\.5 replaced by 0\.3\.0/);
  await runs(parts, '0.3.0');
}
