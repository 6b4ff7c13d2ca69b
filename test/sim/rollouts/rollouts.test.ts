// Rollouts of the node-agent over forty nodes: a good version goes through all waves, and each bad one is stopped by its gate, in its wave, and
// brought back, with nothing else touched. [INV-rollout]
import type { GateName, RolloutRequest } from '@blackroad/protocol';
import t from 'tap';
import { RolloutWorld } from './rollout-world.ts';
import type { Behaviour } from './scripted-node.ts';

const to = (version: string, over: Partial<RolloutRequest> = {}): RolloutRequest => ({
  what: { kind: 'node-agent', version },
  soakSeconds: 300,
  patienceSeconds: 300,
  ...over,
});
const reached = ({ waves }: { waves: readonly { waiting: number; size: number }[] }) =>
  waves.map(({ size, waiting }) => size - waiting);

t.test('a good version goes through all waves', async (t) => {
  const world = new RolloutWorld({ seed: 1, errorShare: 0.1 });
  t.teardown(() => world.close());
  await world.begin();
  const id = await world.start(to('1.2.0'));
  const view = await world.over(id);
  t.same(world.broken, []);
  t.match(view, { state: 'done', wave: 4 }, view.reason);
  t.same(reached(view), [2, 1, 8, 29]);
  t.same(world.on('1.2.0').length, 40, 'it skipped 1.1.0');
  t.match(
    view.gates.map(({ gate, verdict }) => `${gate} ${verdict}`),
    ['update green', 'contact green', 'task-errors green'],
  );
  await t.rejects(world.start(to('1.1.0')), /needs the consent to downgrade/);
  const back = await world.over(
    await world.start(to('1.1.0', { downgrade: true, waves: [{ count: 2 }, { percent: 100 }] })),
  );
  t.match(back, { state: 'done' }, 'an older version, with consent');
  t.same(world.on('1.1.0').length, 40);
  t.same(world.broken, []);
  t.ok(world.checker.exercised.waves >= 4 && world.checker.exercised.orders >= 80);
});

const bad: [Behaviour, GateName, maxWave: number][] = [
  ['no-start', 'update', 1],
  ['leak', 'memory', 1],
  ['errors', 'task-errors', 2],
  ['goes-away', 'contact', 1],
];
for (const [behaviour, gate, maxWave] of bad)
  t.test(`a version that is bad (${behaviour}) is stopped by ${gate}`, async (t) => {
    const world = new RolloutWorld({ seed: 2, behaviours: { '1.2.0': behaviour }, errorShare: 0.15 });
    t.teardown(() => world.close());
    await world.begin();
    const id = await world.start(to('1.2.0'));
    const view = await world.over(id);
    t.comment(`${view.state} in wave ${view.wave}: ${view.reason}`);
    t.same(world.broken, []);
    t.match(view, { state: 'rolled-back', reason: new RegExp(`the gate ${gate} is red`) });
    t.ok(view.wave <= maxWave, `in wave ${view.wave}`);
    t.same(world.on('1.0.0').length, 40, 'all are on the old version');
    const later = reached(view).slice(view.wave);
    t.same(
      later,
      later.map(() => 0),
      'nothing of later waves was touched',
    );
    t.equal(world.checker.exercised.ends, 1);
    const again = await world.over(await world.start(to('1.2.0')));
    const stopped = { state: 'rolled-back', reason: new RegExp(`the gate ${gate} is red`), wave: view.wave };
    t.match(again, stopped, 'once more: what it did the first time is no past to compare with');
  });

t.test('a coordinator that is killed in the middle goes on', async (t) => {
  const world = new RolloutWorld({ seed: 3 });
  t.teardown(() => world.close());
  await world.begin();
  const id = await world.start(to('1.2.0', { soakSeconds: 60 }));
  for (const blow of [null, 'before-commit', 'after-commit', 'while-telling', null] as const) {
    await world.run(90_000);
    world.strike(blow);
  }
  const view = await world.over(id);
  t.same(world.broken, []);
  t.match(view, { state: 'done' }, view.reason);
  t.ok(world.host.starts >= 5, `${world.host.starts} starts`);
  t.equal(world.on('1.2.0').length, 40);
});

t.test('a node that was away joins under the rules of the present wave', async (t) => {
  const world = new RolloutWorld({ seed: 4 });
  t.teardown(() => world.close());
  await world.begin();
  const [, away, late] = world.nodes;
  for (const node of [away, late]) world.network.cut(node?.id ?? '', 'a person');
  await world.run(120_000);
  const names = [world.nodes[0]?.id ?? '', away?.id ?? ''];
  const id = await world.start(to('1.2.0', { soakSeconds: 60, waves: [{ names }, { percent: 50 }, { percent: 100 }] }));
  t.ok(await world.run(1_800_000, () => (world.show(id)?.wave ?? 0) > 1), 'its wave passes without it');
  t.equal(away?.disk.current, '1.0.0');
  world.network.heal(away?.id ?? '', 'a person');
  t.ok(await world.run(180_000, () => away?.disk.current === '1.2.0'), 'it is told when it is back');
  const view = await world.over(id);
  t.match(view, { state: 'done', reason: /1 node that is away will follow/ });
  world.network.heal(late?.id ?? '', 'a person');
  t.ok(await world.run(300_000, () => late?.disk.current === '1.2.0'), 'also when the rollout is done');
  t.same(world.broken, []);
});

t.test('abort, and a roll-back after the end, bring every node back', async (t) => {
  const world = new RolloutWorld({ seed: 5 });
  t.teardown(() => world.close());
  await world.begin();
  const first = await world.start(
    to('1.2.0', { soakSeconds: 60, waves: [{ percent: 50 }, { percent: 100 }], maxUnavailable: 40 }),
  );
  await world.run(20_000);
  await world.act(first, 'abort');
  t.match(await world.over(first), { state: 'aborted' });
  t.equal(world.on('1.0.0').length, 40);
  const second = await world.start(to('1.2.0', { soakSeconds: 30, waves: [{ percent: 100 }], maxUnavailable: 40 }));
  t.match(await world.over(second), { state: 'done' });
  await world.act(second, 'roll-back');
  await world.run(2_000);
  t.match(await world.over(second), { state: 'rolled-back' });
  t.equal(world.on('1.0.0').length, 40);
  t.same(world.broken, []);
});
