// Two node-agents, one killed while it runs an agent: seen at once, the agent goes on elsewhere with its memory, the task ends once.
// The killed one comes back from its folder: no double answer, and what it had remembered and not sent arrives as a branch.
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { type Process, startFleet, until } from '../fixtures/processes.ts';
import {
  agentOf,
  ask,
  chainFault,
  ended,
  memoryOf,
  namesIn,
  nodeOf,
  presence,
  ready,
  submit,
  taskOf,
} from '../fixtures/steps.ts';

/** A simulated Pi 5 says 12 words a second: long enough to be killed in the middle. */
const longPrompt = 'a b c d e f g h i j k l m n o p q r s t u v w x y z '.repeat(2);

t.setTimeout(240_000);
t.test('a node is killed while it runs an agent', async (t) => {
  const fleet = await startFleet(t, { args: ['--restart-grace', '6'] });
  const processes = new Map<string, { folder: string; seed: number; process: Process }>();
  const start = async (folder: string, seed: number) => {
    const process = await fleet.simulate(folder, { profile: 'home', seed });
    const [name] = namesIn(fleet, folder) as [string];
    processes.set(name, { folder, seed, process });
    return name;
  };
  const names = [await start('one', 1), await start('two', 101)];
  const otherThan = (name: string) => names.find((each) => each !== name) as string;
  for (const name of names) await presence(fleet, name, 'online');

  await fleet.apply({ name: 'keeper', memory: { recall: 5, remember: 'turns' } });
  const first = (await ready(fleet, 'keeper')).node as string;
  const second = otherThan(first);
  t.equal((await ask(fleet, 'keeper', 'My cat is called Pixel')).state, 'done');
  await until('the memory is upstream', async () => (await memoryOf(fleet, 'keeper')).some((e) => e.kind === 'turn'));

  const kill = async (name: string) => {
    await processes.get(name)?.process.kill('SIGKILL');
    return performance.now();
  };

  await t.test('seen at once, moved with its memory, finished once', async (t) => {
    const task = await submit(fleet, 'keeper', longPrompt);
    await until('the task runs', async () => (await taskOf(fleet, task.id)).state === 'running');
    const killedMs = await kill(first);
    await until('its crash is seen', async () => (await nodeOf(fleet, first)).presence !== 'online', 10_000);
    const seenMs = performance.now() - killedMs;
    t.comment(`the crash was seen after ${Math.round(seenMs)} ms`);
    t.ok(seenMs < 5_000, 'by its will, not by its silence');

    const moved = await ready(fleet, 'keeper', second);
    t.equal(moved.epoch, 2);
    const end = await ended(fleet, task.id);
    t.match(end, { state: 'done', node: second, attempt: 2, epoch: 2 });
    const log = await memoryOf(fleet, 'keeper');
    t.match(
      log.map(({ kind, epoch }) => `${kind} ${epoch}`),
      ['genesis 1', 'turn 1', 'migrate 2', 'turn 2'],
    );
    t.match(log[1]?.payload?.text, /Pixel/);
    t.equal(await chainFault(fleet, 'keeper'), null);
    t.equal(log.filter((entry) => entry.payload?.source === `task:${task.id}`).length, 1, 'remembered once');
    const asked = await ask(fleet, 'keeper', 'What is my cat called?');
    t.match(asked, { state: 'done', node: second });
    t.ok((asked.usage?.recalled ?? 0) >= 1, 'the new node recalls what was said to the old one');
    t.equal((await nodeOf(fleet, first)).presence, 'lost');
  });

  await t.test('it comes back from its folder and holds nothing', async (t) => {
    const before = await memoryOf(fleet, 'keeper');
    await start(processes.get(first)?.folder as string, processes.get(first)?.seed as number);
    const back = await presence(fleet, first, 'online');
    t.same(back.agents, []);
    await until('it says that nothing runs there', async () => {
      const { health } = await nodeOf(fleet, first);
      return health?.tasksRunning === 0 && health.outboxDepth === 0;
    });
    t.match(await agentOf(fleet, 'keeper'), { node: second, epoch: 2, state: 'ready' });
    const asked = await ask(fleet, 'keeper', 'Are you there?');
    t.match(asked, { state: 'done', node: second, attempt: 1 });
    // The answer is there before its memory has come up.
    const added = await until('it is remembered', async () => {
      const more = (await memoryOf(fleet, 'keeper')).slice(before.length);
      return more.length > 0 && more;
    });
    t.same(
      added.map(({ kind, epoch }) => `${kind} ${epoch}`),
      ['turn 2'],
      'one answer, remembered once',
    );
  });

  await t.test('what it remembered while nobody listened is brought in', async (t) => {
    const task = await submit(fleet, 'keeper', longPrompt.replaceAll(' ', ' unheard '));
    await until('the task runs', async () => (await taskOf(fleet, task.id)).state === 'running');
    await fleet.stopCoordinator('SIGKILL');
    const own = join(fleet.folder, processes.get(second)?.folder as string, 'n0');
    await until('the turn ends and is remembered', async () =>
      readFileSync(join(own, 'journal.db-wal')).includes(`task:${task.id}`),
    );
    await kill(second);
    const unheard = turnsOf(own, task.id);
    t.equal(unheard.length, 1);
    await fleet.startCoordinator();
    const moved = await ready(fleet, 'keeper', first);
    t.equal(moved.epoch, 3);
    const end = await ended(fleet, task.id);
    t.match(
      end,
      { state: 'done', node: first, attempt: 2, epoch: 3 },
      'done once more, as nobody had heard of the first',
    );

    const brought = names.indexOf(second) === 0 ? 'one' : 'two';
    await start(brought, processes.get(second)?.seed as number);
    await presence(fleet, second, 'online');
    const merged = await until('its tail is brought in', async () => {
      const found = (await memoryOf(fleet, 'keeper')).filter(({ kind }) => kind === 'merge');
      return found.length > 0 && (await agentOf(fleet, 'keeper')).memory.branches === 0 && found;
    });
    t.same(
      merged.map(({ payload }) => payload?.derivedFrom),
      [unheard],
      'each unheard memory once, by its hash',
    );
    t.match(merged[0]?.payload, { text: /unheard/, source: new RegExp(`^branch:${moved.id}.${second}.2`) });
    t.equal(await chainFault(fleet, 'keeper'), null);
    t.same(await taskOf(fleet, task.id), end, 'the late report of the first attempt changes nothing');
    t.match(await agentOf(fleet, 'keeper'), { node: first, epoch: 3, state: 'ready' });
  });
});

/** Hashes of what a node wrote for a task, from a copy of its journal: the node itself will need it as it is. */
function turnsOf(folder: string, task: string): string[] {
  const copy = `${folder}-copy`;
  cpSync(folder, copy, { recursive: true });
  const db = new Database(join(copy, 'journal.db'));
  try {
    const turns = db.prepare("SELECT hash FROM entries WHERE json_extract(payload, '$.source') = ?").pluck();
    return turns.all(`task:${task}`) as string[];
  } finally {
    db.close();
  }
}
