// A node without its coordinator: its agents go on, cron wakes them, they remember; so does a node-agent that starts while nobody is
// there, from its stored assignment. Back online everything is upstream, in order, once.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { agentOf, chainFault, memoryOf, namesIn, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(240_000);
const spec = { name: 'clock', triggers: [{ cron: '* * * * * *', prompt: 'What time is it?' }] };
const turnsAlone = 3;

t.test('a node without its coordinator', async (t) => {
  const fleet = await startFleet(t, { args: ['--restart-grace', '60'] });
  const token = await fleet.token(1);
  let node = await fleet.simulate('one', { token });
  const [name] = namesIn(fleet, 'one') as [string];
  const own = join(fleet.folder, 'one', 'n0');
  await presence(fleet, name, 'online');
  await fleet.apply(spec);
  await ready(fleet, 'clock');
  await until('cron tasks are upstream', async () => (await upstream(fleet)).length >= 2);

  const worksAlone = async (t: Pick<Test, 'pass'>, what: string) => {
    const before = remembered(own).size;
    await until(what, async () => remembered(own).size >= before + turnsAlone, 30_000);
    t.pass(what);
  };
  const arrives = async () => {
    const alone = [...remembered(own)];
    await until(
      'all of it is upstream',
      async () => {
        const there = new Set(await upstream(fleet));
        return alone.every((task) => there.has(task));
      },
      60_000,
    );
  };

  await t.test('the coordinator is stopped and started', async (t) => {
    await fleet.stopCoordinator('SIGTERM');
    await worksAlone(t, 'the agent goes on and remembers');
    await fleet.startCoordinator();
    await arrives();
    t.equal(await chainFault(fleet, 'clock'), null);
  });

  await t.test('the coordinator stands still', async (t) => {
    fleet.coordinator.child.kill('SIGSTOP');
    try {
      await worksAlone(t, 'the agent goes on and remembers');
    } finally {
      fleet.coordinator.child.kill('SIGCONT');
    }
    await arrives();
    t.equal(await chainFault(fleet, 'clock'), null);
  });

  await t.test('the node-agent is killed and starts with nobody there', async (t) => {
    await fleet.stopCoordinator('SIGTERM');
    await node.kill('SIGKILL');
    node = await fleet.simulate('one', { token });
    await worksAlone(t, 'its agent starts from the stored assignment');
    await fleet.startCoordinator();
    await arrives();
    t.equal(await chainFault(fleet, 'clock'), null);
  });

  await t.test('in the end both sides hold the same, once', async (t) => {
    await fleet.apply({ ...spec, triggers: [] });
    await until('the new version runs', async () => (await agentOf(fleet, 'clock')).version === 2);
    await ready(fleet, 'clock');
    let last = -1;
    await until('nothing is added any more', async () => {
      const now = remembered(own).size;
      const still = now === last && now === (await upstream(fleet)).length;
      last = now;
      return still;
    });
    const turns = await upstream(fleet);
    t.same(turns, [...remembered(own)].toSorted(), 'every turn once, in the order of their times');
    t.equal(await chainFault(fleet, 'clock'), null);
    const recorded = await until('every task is recorded', async () => {
      const tasks = await fleet.client.call('tasks', { query: { agent: 'clock', limit: 1000 } });
      return turns.every((id) => tasks.some((task) => task.id === id)) && tasks;
    });
    t.same(
      recorded.filter(({ origin, state, node: where }) => origin !== 'cron' || state !== 'done' || where !== name),
      [],
      'each cron task is recorded as done',
    );
    t.strictSame(
      recorded.filter(({ by }) => by?.kind !== 'node' || by.id !== name),
      [],
      'asked for by the node',
    );
    t.same(recorded.map(({ id }) => id).toSorted(), turns, 'each once, and none that was not remembered');
    t.match(await agentOf(fleet, 'clock'), { node: name, epoch: 1 });
  });
});

/** Tasks whose turn the coordinator has in the log, in the log's order. */
async function upstream(fleet: Fleet): Promise<string[]> {
  return (await memoryOf(fleet, 'clock'))
    .filter(({ kind }) => kind === 'turn')
    .map(({ payload }) => (payload?.source ?? '').slice('task:'.length));
}

/** Tasks whose turn the node has written down, read off the bytes of its journal, which it keeps to itself. */
function remembered(folder: string): Set<string> {
  const found = new Set<string>();
  for (const file of ['journal.db', 'journal.db-wal']) {
    const path = join(folder, file);
    if (!existsSync(path)) continue;
    for (const [, id] of readFileSync(path, 'latin1').matchAll(/"task:([0-9a-z]+)"/g)) found.add(id as string);
  }
  return found;
}
