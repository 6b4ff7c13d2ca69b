// A person takes a node out of work and back: a cordon keeps what is there, a drain moves it with its memory while tasks flow, none is
// lost and none is done twice; after uncordon the node takes agents again.
import t from 'tap';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
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
} from '../fixtures/steps.ts';

t.setTimeout(180_000);

t.test('cordon, drain, uncordon', async (t) => {
  const fleet = await startFleet(t);
  await fleet.simulate('shelf', { nodes: 3, profile: 'home' });
  const nodes = namesIn(fleet, 'shelf', 3);
  for (const node of nodes) await presence(fleet, node, 'online');
  const agents = Array.from({ length: 9 }, (_, i) => `worker-${i}`);
  for (const name of agents) await fleet.apply({ name });
  for (const name of agents) {
    await ready(fleet, name);
    t.equal((await ask(fleet, name, `I am ${name}`)).state, 'done');
  }
  const before = await placements(fleet, agents);
  const [first] = Object.values(before).map(({ node }) => node) as [string];
  const there = agents.filter((name) => before[name]?.node === first);
  t.ok(there.length > 0);

  await t.test('a cordon keeps what is there and takes nothing new', async (t) => {
    const view = await fleet.client.call('nodeEdit', { params: { node: first }, body: { cordoned: true } });
    t.equal(view.cordoned, true);
    for (const name of ['late-1', 'late-2', 'late-3']) {
      await fleet.apply({ name });
      t.not((await ready(fleet, name)).node, first);
    }
    await fleet.apply({ name: 'only-there', placement: { nodes: [first] } as never });
    const stuck = await until('it says why', async () => {
      const { unplaced } = await agentOf(fleet, 'only-there');
      return unplaced;
    });
    t.match(JSON.stringify(stuck), /cordon/);
    const asked = await ask(fleet, there[0] as string, 'Still there?');
    t.match(asked, { state: 'done', node: first });
    t.same(await placements(fleet, agents), before, 'nothing moved');
  });

  await t.test('a drain moves agents with their memory while tasks flow', async (t) => {
    const submitted: { agent: string; prompt: string; id: string }[] = [];
    let going = true;
    const flow = (async () => {
      for (let i = 0; going; i++) {
        const agent = there[i % there.length] as string;
        const prompt = `question-${i}.`;
        submitted.push({ agent, prompt, id: (await submit(fleet, agent, prompt)).id });
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    })();
    await until('tasks flow', async () => submitted.length >= 2 * there.length);
    await fleet.client.call('nodeEdit', { params: { node: first }, body: { draining: true } });
    for (const name of there)
      await until(`${name} has left`, async () => (await agentOf(fleet, name)).node !== first, 60_000);
    await until('more tasks', async () => submitted.length >= 4 * there.length);
    going = false;
    await flow;
    for (const { id } of submitted) {
      const end = await ended(fleet, id);
      t.match({ state: end.state, attempt: end.attempt }, { state: 'done', attempt: 1 }, `${id}, not begun twice`);
    }
    t.same((await nodeOf(fleet, first)).agents, []);
    await until('nothing is on it alone', async () => (await nodeOf(fleet, first)).onlyHere === 0);
    const after = await placements(fleet, agents);
    for (const name of agents)
      t.equal(after[name]?.epoch, there.includes(name) ? 2 : 1, `${name} ${there.includes(name) ? 'moved' : 'stayed'}`);

    for (const name of there) {
      const wanted = [`I am ${name}`, ...submitted.filter(({ agent }) => agent === name).map(({ prompt }) => prompt)];
      await until(`the memory of ${name} is whole`, async () => {
        const log = await memoryOf(fleet, name);
        const missing = wanted.filter((prompt) => times(log, prompt) === 0);
        if (missing.length > 0) throw new Error(`${missing} are missing`);
        return true;
      });
      const log = await memoryOf(fleet, name);
      t.same(
        wanted.filter((prompt) => times(log, prompt) !== 1),
        [],
        'each exchange once',
      );
      t.equal(log.filter(({ kind }) => kind === 'migrate').length, 1);
      t.equal(await chainFault(fleet, name), null);
    }
  });

  await t.test('uncordon ends the drain', async (t) => {
    const body = { cordoned: false, draining: false };
    t.match(await fleet.client.call('nodeEdit', { params: { node: first }, body }), body);
    t.equal((await ready(fleet, 'only-there')).node, first, 'what waited for it is placed');
    const now = await placements(fleet, agents);
    for (const name of there) t.not(now[name]?.node, first, 'nothing moves back without need');
  });
});

async function placements(fleet: Fleet, names: string[]) {
  const all: Record<string, { node: string | null; epoch: number }> = {};
  for (const { name, node, epoch } of await fleet.client.call('agents'))
    if (names.includes(name)) all[name] = { node, epoch };
  return all;
}
const times = (log: Awaited<ReturnType<typeof memoryOf>>, prompt: string) =>
  log.filter(({ payload }) => payload?.text.startsWith(`User: ${prompt}\n`)).length;
