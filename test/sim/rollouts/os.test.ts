// Rollouts of updates of the operating system: machines restart within the windows alone and one of a site at a time, whatever goes wrong
// meanwhile. [INV-os-restart]
import type { RolloutRequest } from '@blackroad/protocol';
import { type Random, seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { RolloutWorld } from './rollout-world.ts';

t.setTimeout(600_000);
const seeds = Number(process.env.SEEDS ?? 4);
const firstSeed = Number(process.env.SEED ?? 1);
const pick = <T>(random: Random, items: readonly T[]) => items[Math.floor(random.next() * items.length)] as T;
const security = (over: Partial<RolloutRequest> = {}): RolloutRequest => ({
  what: { kind: 'os', packages: 'security', restart: 'if-needed' },
  soakSeconds: 30,
  waves: [{ percent: 100 }],
  maxUnavailable: 40,
  gates: ['update'],
  ...over,
});

t.test('all waves, with restarts in two windows', async (t) => {
  const world = new RolloutWorld({ seed: 1, nodes: 12, sites: 2 });
  t.teardown(() => world.close());
  await world.begin();
  // It is 08:05 when it starts: too late for all, each of a site waits for the one before.
  const windows = ['08:00-08:12', '08:20-08:40'].map((text) => ({ from: text.slice(0, 5), to: text.slice(6) }));
  const id = await world.start(security({ windows, waves: [{ count: 2 }, { percent: 100 }] }));
  t.ok(
    await world.run(1_800_000, () => world.show(id)?.waitsFor === 'window'),
    'it waits for the next window when the first one is over',
  );
  t.match(world.show(id)?.reason, /waits for the window to restart: 08:00 to 08:12; 08:20 to 08:40/);
  t.equal(world.nodes.filter(({ os }) => os.isDown).length, 0);
  const early = world.osChecker.exercised.restarts;
  const view = await world.over(id, 4 * 3_600_000);
  t.same(world.broken, []);
  t.match(view, { state: 'done' }, view.reason);
  t.ok(
    early > 0 && world.osChecker.exercised.restarts > early,
    `${early} restarts in the first window, ${world.osChecker.exercised.restarts} in all`,
  );
  t.same(
    world.nodes.filter(({ os }) => os.needsRestart).map((node) => node.id),
    [],
  );
});

t.test('nobody restarts where nobody may', async (t) => {
  const world = new RolloutWorld({ seed: 2, nodes: 6 });
  t.teardown(() => world.close());
  await world.begin(60_000);
  const id = await world.start(security({ what: { kind: 'os', packages: 'all', restart: 'never' } }));
  t.match(await world.over(id), { state: 'done' });
  t.equal(world.osChecker.exercised.restarts, 0);
  t.ok(world.nodes.some(({ os }) => os.needsRestart));
  t.same(world.broken, []);
});

const exercised = { restarts: 0 };
for (let seed = firstSeed; seed < firstSeed + seeds; seed++)
  t.test(`seed ${seed}`, async (t) => {
    const random = seededRandom(seed * 6007);
    const world = new RolloutWorld({ seed, nodes: 12, sites: 3, isBad: true });
    t.teardown(() => world.close());
    await world.begin(60_000);
    const rollouts: string[] = [];
    for (let i = 0; i < 60 && world.broken.length === 0; i++) {
      await world.run(5_000 + random.next() * 40_000);
      const node = pick(random, world.nodes);
      const die = random.next();
      if (die < 0.15) world.strike(pick(random, [null, 'before-commit', 'after-commit', 'while-telling'] as const));
      else if (die < 0.3 && !node.os.isDown) {
        node.stop(random.next() < 0.3);
        world.timeline.after(1_000 + random.next() * 60_000, () => !node.isOn && !node.os.isDown && node.start());
      } else if (die < 0.5) {
        world.network.cut(node.id, 'the dice');
        world.timeline.after(5_000 + random.next() * 90_000, () => world.network.heal(node.id, 'the dice'));
      } else await person(world, random, rollouts);
    }
    await world.run(400_000, () => world.host.coordinator !== null && world.nodes.every(({ isOn }) => isOn));
    await world.run(400_000);
    for (let asks = 0; asks < 5; asks++) {
      for (const id of rollouts)
        if (['paused', 'stopped'].includes(world.show(id)?.state ?? '')) await world.act(id, 'abort').catch(() => {});
      await world.run(60_000);
    }
    const open = () => rollouts.filter((id) => !['done', 'aborted'].includes(world.show(id)?.state ?? 'done'));
    await world.run(3 * 3_600_000, () => world.host.coordinator !== null && open().length === 0);
    if (world.broken.length > 0 || open().length > 0) t.comment(world.trace.slice(-60).join('\n'));
    t.same(world.broken, []);
    t.same(
      open().map((id) => `${id} ${world.show(id)?.state}: ${world.show(id)?.reason}`),
      [],
      'every rollout is over',
    );
    exercised.restarts += world.osChecker.exercised.restarts;
  });

async function person(world: RolloutWorld, random: Random, rollouts: string[]): Promise<void> {
  const names = world.nodes.map(({ id }) => id).filter(() => random.next() < 0.5);
  const what = { kind: 'os', packages: pick(random, ['security', 'all'] as const), restart: 'if-needed' } as const;
  const minutes = pick(random, [
    [0, 20],
    [30, 50],
    [10, 16],
  ]);
  const window = (hour: number) => {
    const at = (minute: number | undefined) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
    return { from: at(minutes[0]), to: at(minutes[1]) };
  };
  const windows = pick(random, [undefined, [8, 9, 10, 11, 12, 13].map(window)]);
  const request = security({
    what,
    ...(names.length > 0 ? { select: { names } } : {}),
    ...(windows ? { windows } : {}),
    soakSeconds: 10,
    patienceSeconds: pick(random, [120, 600]),
    maxUnavailable: pick(random, [1, 4, 12]),
    gates: pick(random, [[], [], ['update'], ['update', 'contact']]),
  });
  const act = pick(random, ['start', 'start', 'start', 'pause', 'resume', 'resume', 'abort'] as const);
  const id = pick(random, rollouts);
  try {
    if (act === 'start') rollouts.push(await world.start(request));
    else if (id !== undefined) await world.act(id, act);
  } catch {
    // refused, or the coordinator is down
  }
}

t.test('the worlds had something to check', async (t) => {
  t.ok(exercised.restarts > 0, `${exercised.restarts} restarts`);
});
