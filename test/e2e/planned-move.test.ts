// An agent that is moved back and forth between two nodes while it works: nothing is a branch as long as both nodes are there. Then a node,
// the coordinator and the line between them are taken away in the middle of moves: afterwards both logs hold the same entries in a chain that
// verifies, and every turn is in it once.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sleep, systemClock } from '@blackroad/std/clock';
import { seededRandom } from '@blackroad/std/random';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { type Fleet, type Process, startFleet, until } from '../fixtures/processes.ts';
import {
  agentOf,
  ask,
  chainFault,
  ended,
  memoryOf,
  namesIn,
  presence,
  ready,
  submit,
  taskOf,
} from '../fixtures/steps.ts';

const seed = Number(process.argv[2] ?? Math.floor(performance.timeOrigin % 1e6));
const random = seededRandom(seed);
const longPrompt = 'a b c d e f g h i j k l m n o p q r s t u v w x y z';

t.setTimeout(400_000);
t.test(`moves back and forth, seed ${seed}`, async (t) => {
  const fleet = await startFleet(t, { args: ['--restart-grace', '6'] });
  const processes = new Map<string, { folder: string; process: Process; seed: number }>();
  const start = async (folder: string, seed: number) => {
    const process = await fleet.simulate(folder, { profile: 'home', seed });
    const [name] = namesIn(fleet, folder) as [string];
    processes.set(name, { folder, seed, process });
    return name;
  };
  const names = [await start('one', 1), await start('two', 101)] as const;
  for (const name of names) await presence(fleet, name, 'online');
  const keeper = { name: 'keeper', memory: { recall: 2, remember: 'turns' as const } };
  await fleet.apply(keeper);
  await ready(fleet, 'keeper');
  const otherThan = (name: string | null) => (name === names[0] ? names[1] : names[0]);
  const drain = (node: string, draining: boolean) =>
    fleet.client.call('nodeEdit', { params: { node }, body: { draining, cordoned: draining } });
  const asked: string[] = [];
  const load = async (count: number, prompt = longPrompt) => {
    for (let i = 0; i < count; i++) asked.push((await submit(fleet, 'keeper', `${prompt} ${asked.length}`)).id);
  };

  await t.test('both nodes stay: no branch, no turn twice', async (t) => {
    for (let round = 0; round < 4; round++) {
      const from = (await agentOf(fleet, 'keeper')).node as string;
      const to = otherThan(from);
      await load(2);
      await drain(from, true);
      await until('it has left', async () => {
        const agent = await agentOf(fleet, 'keeper');
        // It takes a moment.
        if (agent.leaving) t.match(agent.leaving, { to, text: new RegExp(`^leaving ${from} for ${to}: `) });
        return agent.node === to;
      });
      await ready(fleet, 'keeper', to);
      await drain(from, false);
    }
    for (const task of asked) t.match(await ended(fleet, task), { state: 'done' });
    const log = await memoryOf(fleet, 'keeper');
    t.equal(log.filter(({ kind }) => kind === 'migrate').length, 4);
    t.equal(log.filter(({ kind }) => kind === 'merge').length, 0, 'nothing had to be brought in');
    const events = await fleet.client.call('events', { query: { agent: 'keeper', limit: 500 } });
    t.same(
      events.filter(({ type }) => type.startsWith('memory-')).map(({ text }) => text),
      [],
    );
    await isWhole(t);
  });

  await t.test('a person moves it while a turn runs: the turn ends where it is', async (t) => {
    const from = (await ready(fleet, 'keeper')).node as string;
    const to = otherThan(from);
    const { id } = await submit(fleet, 'keeper', longPrompt.repeat(2));
    await until('it runs', async () => (await taskOf(fleet, id)).state === 'running');
    await fleet.apply({ ...keeper, placement: { nodes: [to] } as never });
    const { leaving, reason } = await until('it is about to leave', async () => {
      const agent = await agentOf(fleet, 'keeper');
      return agent.leaving && agent;
    });
    t.match(leaving, { to: null, text: `leaving ${from}: waits for the end of 1 task` });
    t.equal(reason, leaving?.text);
    t.match(await ended(fleet, id), { state: 'done', node: from, attempt: 1, past: { length: 0 } });
    await ready(fleet, 'keeper', to);
    await fleet.apply(keeper);
    t.equal((await memoryOf(fleet, 'keeper')).filter(({ kind }) => kind === 'merge').length, 0);
    await isWhole(t);
  });

  const interruptions: Record<string, (from: string) => Promise<void>> = {
    async 'the old node is killed'(from) {
      const { folder, seed, process } = processes.get(from)!;
      await process.kill('SIGKILL');
      await start(folder, seed);
    },
    async 'the coordinator is killed'() {
      await fleet.restartCoordinator('SIGKILL', 500);
    },
    async 'the old node is cut off'(from) {
      const { process } = processes.get(from)!;
      process.child.kill('SIGSTOP');
      await sleep(systemClock, 5_000);
      process.child.kill('SIGCONT');
    },
    async 'the next node is killed'(from) {
      const { folder, seed, process } = processes.get(otherThan(from))!;
      await process.kill('SIGKILL');
      await start(folder, seed);
    },
  };
  for (const [what, interrupt] of Object.entries(interruptions))
    await t.test(what, async (t) => {
      const from = (await ready(fleet, 'keeper')).node as string;
      await load(2);
      await drain(from, true);
      await sleep(systemClock, random.next() * 400);
      await interrupt(from);
      await drain(from, false);
      for (const name of names) await presence(fleet, name, 'online');
      for (const task of asked.splice(0)) t.match(await ended(fleet, task, 120_000), { state: 'done' });
      await ready(fleet, 'keeper');
      t.equal((await ask(fleet, 'keeper', `After it: ${what}.`)).state, 'done');
      await isWhole(t);
    });

  /** The log of the coordinator and that of the node are the same, and every turn is in it once. */
  async function isWhole(t: Test): Promise<void> {
    await until('nothing is left to bring in', async () => (await agentOf(fleet, 'keeper')).memory.branches === 0);
    t.equal(await chainFault(fleet, 'keeper'), null);
    const agent = await agentOf(fleet, 'keeper');
    const upstream = (await memoryOf(fleet, 'keeper')).map(({ seq, hash }) => `${seq} ${hash}`);
    const there = () => entriesOf(fleet, processes.get(agent.node as string)!.folder, agent.id);
    await until('the node has the same log', async () => there().join() === upstream.join());
    const turns = (await memoryOf(fleet, 'keeper')).flatMap(({ payload }) =>
      payload?.source.startsWith('task:') ? [payload.source] : [],
    );
    t.equal(new Set(turns).size, turns.length, 'every turn once');
  }
});

/** From a copy of the journal of a node: the node itself needs it as it is. */
function entriesOf(fleet: Fleet, folder: string, agent: string): string[] {
  const own = join(fleet.folder, folder, 'n0');
  const copy = `${own}-read`;
  for (const file of readdirSync(own)) if (file.startsWith('journal.db')) cpSync(join(own, file), join(copy, file));
  const db = new Database(join(copy, 'journal.db'));
  try {
    const sql = 'SELECT seq, hash FROM entries WHERE log = (SELECT id FROM logs WHERE agent = ?) ORDER BY seq';
    return (db.prepare(sql).all(agent) as { seq: number; hash: string }[]).map(({ seq, hash }) => `${seq} ${hash}`);
  } finally {
    db.close();
  }
}
