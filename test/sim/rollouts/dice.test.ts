// Rollouts while everything goes wrong: the coordinator dies at any step of a commit, nodes lose power in the middle of an update, paths are
// cut, messages are repeated, people change their minds. INV-rollout holds all the time, and when the faults are over every rollout ends.
import type { RolloutRequest } from '@blackroad/protocol';
import { type Random, seededRandom } from '@blackroad/std/random';
import t from 'tap';
import type { RolloutAct } from '../../../coordinator/src/state/input.ts';
import { RolloutWorld } from './rollout-world.ts';
import type { Behaviour } from './scripted-node.ts';

t.setTimeout(600_000);
const seeds = Number(process.env.SEEDS ?? 4);
const firstSeed = Number(process.env.SEED ?? 1);
const pick = <T>(random: Random, items: readonly T[]) => items[Math.floor(random.next() * items.length)] as T;

function requestBy(random: Random): RolloutRequest {
  return {
    what: { kind: 'node-agent', version: pick(random, ['1.1.0', '1.2.0', '1.3.0', '1.0.0']) },
    soakSeconds: pick(random, [10, 40, 120]),
    patienceSeconds: pick(random, [60, 200]),
    maxUnavailable: pick(random, [1, 3, 10]),
    waves: pick(random, [undefined, [{ count: 1 }, { percent: 50 }, { percent: 100 }], [{ percent: 100 }]]) ?? [
      { count: 1 },
      { percent: 25 },
      { percent: 100 },
    ],
    onRed: pick(random, ['roll-back', 'roll-back', 'stop']),
    approval: pick(random, ['none', 'none', 'first', 'each']),
    downgrade: random.next() < 0.7,
  };
}

/** One blow of the dice. */
function fault(world: RolloutWorld, random: Random): void {
  const node = pick(random, world.nodes);
  const die = random.next();
  if (die < 0.25) world.strike(pick(random, [null, 'before-commit', 'after-commit', 'while-telling'] as const));
  else if (die < 0.65) {
    node.stop(random.next() < 0.3);
    world.timeline.after(1_000 + random.next() * 60_000, () => !node.isOn && node.start());
  } else {
    world.network.cut(node.id, 'the dice');
    world.timeline.after(5_000 + random.next() * 90_000, () => world.network.heal(node.id, 'the dice'));
  }
}

/** What a person does: a refusal is as good as any other answer. */
async function person(world: RolloutWorld, random: Random, rollouts: string[]): Promise<void> {
  const act = pick<RolloutAct | 'start'>(random, [
    'start',
    'start',
    'pause',
    'resume',
    'approve',
    'approve',
    'abort',
    'roll-back',
  ]);
  const id = rollouts.at(-1);
  try {
    if (act === 'start') rollouts.push(await world.start(requestBy(random)));
    else if (id !== undefined) await world.act(id, act);
  } catch {
    // refused, or the coordinator is down
  }
}

const exercised = { rollouts: 0, orders: 0 };
for (let seed = firstSeed; seed < firstSeed + seeds; seed++)
  t.test(`seed ${seed}`, async (t) => {
    const random = seededRandom(seed * 7919);
    const kinds: Behaviour[] = ['good', 'good', 'no-start', 'leak', 'goes-away'];
    const behaviours = { '1.1.0': pick(random, kinds), '1.2.0': pick(random, kinds), '1.3.0': pick(random, kinds) };
    const world = new RolloutWorld({ seed, nodes: 12, behaviours, isBad: true });
    t.teardown(() => world.close());
    await world.begin(60_000);
    const rollouts: string[] = [];
    for (let i = 0; i < 60 && world.broken.length === 0; i++) {
      await world.run(5_000 + random.next() * 40_000);
      if (random.next() < 0.5) fault(world, random);
      else await person(world, random, rollouts);
    }
    // All is well from here on; what stands still for a person is put back.
    await world.run(180_000, () => world.host.coordinator !== null && world.nodes.every(({ isOn }) => isOn));
    await world.run(400_000);
    const standing = () =>
      rollouts.filter((id) => ['paused', 'stopped', 'running'].includes(world.show(id)?.state ?? ''));
    // A blow that was still to come may strike the coordinator at the very abort: who sees that nothing came of it asks again.
    for (let asks = 0; asks < 3 && standing().length > 0; asks++) {
      for (const id of standing()) await world.act(id, 'abort').catch(() => {});
      await world.run(60_000, () => world.host.coordinator !== null && standing().length === 0);
    }
    const open = () =>
      rollouts.filter((id) => !['done', 'rolled-back', 'aborted'].includes(world.show(id)?.state ?? 'done'));
    await world.run(3_600_000, () => world.host.coordinator !== null && open().length === 0);
    if (world.broken.length > 0 || open().length > 0) t.comment(world.trace.slice(-60).join('\n'));
    t.same(world.broken, []);
    t.same(
      open().map((id) => `${id} ${world.show(id)?.state}: ${world.show(id)?.reason}`),
      [],
      'every rollout is over',
    );
    exercised.rollouts += rollouts.length;
    exercised.orders += world.checker.exercised.orders;
  });
t.test('the worlds had something to check', async (t) => {
  t.ok(exercised.rollouts > 0 && exercised.orders > 0);
});
