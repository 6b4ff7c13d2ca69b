// What is to hold of a rollout of releases, told on a stage: each story is one rollout, or one node that it meets. In: a stage. Out: an
// assertion that fails, or what a person who looked on saw. docs/rollouts.md
import assert from 'node:assert/strict';
import type { GateName, RolloutDetails } from '@blackroad/protocol';
import { presence } from '../fixtures/steps.ts';
import { currentOf, type Fault, inShort, type Stage, type Version, versions } from './stage.ts';

/** The picture of `fleet rollouts watch`, as it was printed. */
type Transcript = string;
/** How fast the scripted model writes depends on what else this machine does, so tokens/s stop nothing here. */
const gates = 'update,contact,task-errors,memory,temperature,sd-writes';
const others = ['--max-unavailable', '42', '--patience', '90s'];
const usual = [...others, '--gates', `${gates},reconnects`];
/** Where other work keeps forty nodes of one process from their heartbeats, many connections break at once. */
export const onSharedMachine = [...others, '--gates', gates];
/** One simulated node and one real one are in the first wave: the fault is in it. */
const firstWave = ['cpu-0', 'alice'];

interface Bad {
  gate: GateName;
  soak: string;
  /** What happens while the first wave is watched. */
  meanwhile?: (stage: Stage) => Promise<void>;
}
const bad: Record<Fault, Bad> = {
  'no-start': { gate: 'update', soak: '5s' },
  leak: { gate: 'memory', soak: '40s' },
  errors: { gate: 'task-errors', soak: '90s', meanwhile: (stage) => stage.work(firstWave, 60) },
  'goes-away': { gate: 'contact', soak: '60s' },
};

/** All nodes run one release, and say so themselves. */
async function allRun(stage: Stage, version: Version): Promise<void> {
  const others = [...(await stage.running())].filter(([, now]) => now !== versions[version]);
  assert.deepEqual(others, [], `all run ${versions[version]}`);
  for (const [name, node] of Object.entries(stage.real)) assert.equal(currentOf(node), versions[version], name);
}
const orders = (stage: Stage, nodes: readonly string[]) => nodes.map((node) => stage.ordered(node));

/** A bad release: its gate stops it in the first wave, the wave goes back, and nobody else hears of it. */
export async function badRelease(stage: Stage, fault: Fault, from: Version): Promise<Transcript> {
  const { gate, soak, meanwhile } = bad[fault];
  const untouched = [...stage.simulated, ...Object.keys(stage.real)].filter((node) => !firstWave.includes(node));
  const before = orders(stage, untouched);
  if (meanwhile) await stage.work(firstWave, 40);
  const { id } = await stage.start('node-agent', versions[fault], '--soak', soak, ...usual);
  const watched = stage.watch(id);
  if (meanwhile) {
    await stage.until('the first wave has it', id, isWatching(1));
    await meanwhile(stage);
  }
  const over = await stage.until('it is over', id, ({ state }) => state === 'rolled-back', 180_000);
  assert.match(over.reason, new RegExp(`^the gate ${gate} is red`), inShort(over));
  assert.equal(over.wave, 1);
  const byState = (wanted: RolloutDetails['subjects'][number]['state']) =>
    over.subjects.filter(({ state }) => state === wanted).map(({ name }) => name);
  assert.deepEqual(byState('returned').sort(), [...firstWave].sort(), inShort(over));
  assert.equal(byState('waiting').length, untouched.length);
  assert.deepEqual(orders(stage, untouched), before, 'no other node was given an order');
  assert.ok(
    orders(stage, firstWave).every((order) => order?.includes(versions[fault])),
    'the first wave had it',
  );
  await allRun(stage, from);
  const { code, stdout } = await watched;
  assert.equal(code, 1, 'who looks on ends with 1');
  return stdout;
}
const isWatching =
  (wave: number) =>
  (rollout: RolloutDetails): boolean => {
    if (rollout.state !== 'running') throw new Error(inShort(rollout));
    return rollout.wave === wave && rollout.waitsFor === 'soak';
  };

/** The same fault on real node-agents alone, in the first of two waves. */
export async function badReleaseOnRealNodes(stage: Stage, fault: Fault, from: Version): Promise<void> {
  const { gate, soak, meanwhile } = bad[fault];
  const before = stage.ordered('bob');
  const selected = ['--only', 'alice,bob', '--waves', '1,100%'];
  if (meanwhile) await stage.work(['alice'], 60);
  const { id } = await stage.start('node-agent', versions[fault], '--soak', soak, ...selected, ...usual);
  if (meanwhile) {
    await stage.until('alice has it', id, isWatching(1));
    await stage.work(['alice'], 100);
  }
  const over = await stage.until('it is over', id, ({ state }) => state === 'rolled-back', 180_000);
  assert.match(over.reason, new RegExp(`^the gate ${gate} is red`), inShort(over));
  assert.equal(stage.ordered('bob'), before, 'bob was given no order');
  await allRun(stage, from);
}

/** A good release goes through all waves, under work, and over the death of the coordinator in the middle of the third one. */
export async function goodRelease(stage: Stage, version: Version, how: readonly string[] = usual): Promise<Transcript> {
  await stage.work(firstWave, 20);
  const { id } = await stage.start('node-agent', versions[version], '--soak', '3s', ...how);
  const watched = stage.watch(id);
  const begun = ({ waves }: RolloutDetails) => (waves[2]?.told ?? 0) + (waves[2]?.done ?? 0) > 0;
  const isUnderWay = (rollout: RolloutDetails) => rollout.wave === 3 && begun(rollout);
  const worked = stage.until('the first wave has it', id, ({ wave }) => wave > 1).then(() => stage.work(firstWave, 20));
  const working = await stage.until('the third wave is under way', id, isUnderWay);
  assert.equal(working.state, 'running', inShort(working));
  await stage.fleet.restartCoordinator('SIGKILL');
  await worked;
  const over = await stage.until('it is over', id, ({ state }) => state !== 'running');
  assert.equal(over.state, 'done', inShort(over));
  assert.deepEqual(
    over.waves.map(({ size, done }) => [size, done]),
    [
      [2, 2],
      [1, 1],
      [8, 8],
      [31, 31],
    ],
  );
  await allRun(stage, version);
  const { code, stdout } = await watched;
  assert.equal(code, 0);
  return stdout;
}

/** A node that was away when its wave was told gets the release when it is back, under the rules of the wave that is present then. */
export async function awayNode(stage: Stage, version: Version): Promise<void> {
  await stage.real.bob.kill();
  await presence(stage.fleet, 'bob', 'lost');
  const before = currentOf(stage.real.bob);
  const waves = ['--waves', 'bob+cpu-0,50%,100%', '--approval', 'each'];
  const { id } = await stage.start('node-agent', versions[version], '--soak', '1s', ...waves, ...usual);
  const waits = (wave: number) => (rollout: RolloutDetails) => rollout.wave === wave && rollout.waitsFor === 'approval';
  await stage.until('its wave has passed without it', id, waits(1));
  await stage.act('approve', id);
  await stage.until('so has the next one', id, waits(2));
  assert.equal(currentOf(stage.real.bob), before);
  await stage.act('pause', id);
  stage.real.bob.start();
  await presence(stage.fleet, 'bob', 'online');
  // Some steps of the rollout: one that is paused tells nobody.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  assert.equal(currentOf(stage.real.bob), before, 'nothing begins while it is paused');
  await stage.act('resume', id);
  const bobHasIt = ({ subjects, wave }: RolloutDetails) =>
    wave === 2 && !subjects.some(({ name, state }) => name === 'bob' && state !== 'done');
  await stage.until('bob has it in the second wave', id, bobHasIt);
  assert.equal(currentOf(stage.real.bob), versions[version]);
  const rest = [...(await stage.running()).values()].filter((now) => now === before).length;
  assert.ok(rest > 15, `the third wave has not begun: ${rest} nodes are on the release before`);
  await stage.until('the second wave is watched again', id, waits(2));
  await stage.act('approve', id);
  await stage.until('it is done', id, ({ state }) => state === 'done');
  await allRun(stage, version);
}

/** An older release needs the consent of whoever starts it; with that it goes through, over the releases between. */
export async function downgrade(stage: Stage, to: Version): Promise<void> {
  const args = ['node-agent', versions[to], '--waves', '1,100%', '--soak', '1s', ...usual];
  await assert.rejects(stage.start(...args), /needs the consent to downgrade/);
  const { id } = await stage.start(...args, '--downgrade');
  const over = await stage.until('it is over', id, ({ state }) => state !== 'running');
  assert.equal(over.state, 'done', inShort(over));
  await allRun(stage, to);
}
