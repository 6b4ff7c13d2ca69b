// The story of releases in the booted image: a rollout of the coordinator brings a newer node-agent, which stays, also over a power cut, and one that
// ends after its start, which is taken back. In: a stage, the secret key whose releases the image takes. Out: lines, or an assertion that fails.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RolloutView } from '@blackroad/protocol';
import { keyFrom } from '../../release/src/key-file.ts';
import { runFleet, until } from '../fixtures/processes.ts';
import { crashes } from '../fixtures/released-node.ts';
import type { SampleKey } from '../fixtures/sample-release.ts';
import { releaseMaker } from '../install/release-maker.ts';
import { startMs } from './pi.ts';
import { name, type Stage } from './stage.ts';

const folder = '/var/lib/blackroad-node/updates';
const good = '99.0.0';
const bad = '99.1.0';

export async function updates(stage: Stage, keyFile: string | undefined): Promise<void> {
  const { fleet, pi, say } = stage;
  const secret = keyFrom(keyFile, process.env.PASSWORD);
  const keys = await pi.run('ls /opt/blackroad-node/release-keys 2>/dev/null');
  if (secret === null || keys === '') {
    say(
      `SKIPPED updates: ${keys === '' ? 'the image was built without a key' : 'KEY=<file> names the key that the image was built with'}`,
    );
    return;
  }
  const key: SampleKey = { secret, pub: readFileSync(`${keyFile}.pub`, 'utf8') };
  const kept = join(fleet.folder, 'coordinator/release-keys');
  mkdirSync(kept, { recursive: true });
  writeFileSync(join(kept, 'image.pub'), key.pub);
  const make = await releaseMaker(fleet.folder, say, 'arm64');
  const { version } = (await fleet.client.call('nodes')).find((each) => each.id === name) ?? {};
  // No rollout begins that could not be taken back.
  await add(stage, await make(version as string, key));
  await add(stage, await make(good, key));
  const stays = await rolledOut(stage, good);
  assert.equal(stays.state, 'done', stays.reason);
  say(`rollout of ${good}: ${stays.state}; the node runs ${await program(stage, good)}`);
  await pi.cut();
  await stage.started();
  say(`after a power cut it runs ${await program(stage, good)}`);
  await add(stage, await make(bad, key, [], crashes));
  const back = await rolledOut(stage, bad);
  say(`rollout of ${bad}, which ends after its start: ${back.state}, ${back.reason}`);
  assert.equal(back.state, 'rolled-back');
  assert.match(back.reason, /it ended 3 times/);
  say(`the node runs ${await program(stage, good)}`);
  say(`the agent answers ${JSON.stringify(await stage.asks('Which colour has my bicycle?')).slice(0, 160)}`);
}

async function add({ fleet }: Stage, file: string): Promise<void> {
  const added = await runFleet(['releases', 'add', file, '--data', join(fleet.folder, 'coordinator')]);
  assert.equal(added.code, 0, added.stderr);
}

async function rolledOut({ fleet }: Stage, version: string): Promise<RolloutView> {
  const options = ['--waves', '100%', '--soak', '10s', '--gates', 'update', '--patience', '30m', '--json'];
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const { code, stdout, stderr } = await runFleet(['rollouts', 'start', 'node-agent', version, ...options, ...data]);
  assert.equal(code, 0, stderr);
  const { id } = JSON.parse(stdout) as RolloutView;
  return until(
    `the end of the rollout of ${version}`,
    async () => {
      const view = await fleet.client.call('rollout', { params: { rollout: id } });
      if (['done', 'rolled-back', 'aborted'].includes(view.state)) return view;
      throw new Error(JSON.stringify({ state: view.state, reason: view.reason }));
    },
    2 * startMs,
  );
}

/** The program that runs, once the fleet knows the node by this version. */
async function program({ fleet, pi }: Stage, version: string): Promise<string> {
  await until(
    `the node is here with ${version}`,
    async () =>
      (await fleet.client.call('nodes')).some(
        (node) => node.id === name && node.presence === 'online' && node.version === version,
      ),
    startMs,
  );
  const found = await pi.run('readlink /proc/$(systemctl show -p MainPID --value blackroad-node)/exe');
  assert.equal(found, `${folder}/releases/${version}/bin/node`);
  return found;
}
