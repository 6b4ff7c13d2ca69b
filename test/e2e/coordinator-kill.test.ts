// The coordinator is killed with SIGKILL under load, twice: 200 nodes, an agent each, tasks flowing. It goes on from what is stored:
// every task that was accepted reaches exactly one end, and no agent moves because of the restart.
import { isEnd, type TaskView } from '@blackroad/protocol';
import t from 'tap';
import { type Fleet, startFleet, until } from '../fixtures/processes.ts';
import { chainFault, memoryOf, taskOf } from '../fixtures/steps.ts';

t.setTimeout(240_000);
const nodes = 200;
const agents = Array.from({ length: nodes }, (_, i) => `agent-${i}`);
const batch = 50;

t.test('the coordinator is killed under load', async (t) => {
  // 200 nodes in one process are silent for seconds where other programs hold the cores: that is not what is shown here.
  const patient = ['--heartbeat', '5', '--lost-after', '10', '--restart-grace', '120', '--reconnect-window', '1'];
  const fleet = await startFleet(t, { args: patient });
  await fleet.simulate('lab', { nodes });
  const able = (await fleet.client.call('nodes'))
    .filter(({ capacity }) => capacity?.models.some(({ kind }) => kind === 'chat'))
    .map(({ id }) => id);
  t.ok(able.length > nodes / 4, `${able.length} of ${nodes} nodes have a model`);
  // Left to itself placement packs this fleet's agents onto the few nodes that are fastest.
  const on = (i: number) => ({
    class: [],
    site: [],
    labels: {},
    avoidAgents: [],
    nodes: [able[i % able.length] as string],
  });
  for (let i = 0; i < agents.length; i += 20)
    await Promise.all(
      agents.slice(i, i + 20).map((name, k) => fleet.apply({ name, concurrency: 4, placement: on(i + k) })),
    );
  await allReady(fleet);
  const placed = await placements(fleet);
  t.equal(placed.size, agents.length, 'every agent has a node');
  const used = new Set([...placed.values()].map(({ node }) => node)).size;
  t.equal(used, able.length, 'every node that can has agents');

  const load = startLoad(fleet);
  for (const round of [1, 2]) {
    const goal = load.accepted.size + 1500;
    await until('tasks flow', async () => load.accepted.size >= goal, 60_000);
    const { pid } = fleet.coordinator.child;
    await fleet.restartCoordinator('SIGKILL');
    t.not(fleet.coordinator.child.pid, pid, `killed and started again, round ${round}`);
    const startedMs = performance.now();
    await until('all nodes are back', async () => (await fleet.client.call('fleet')).nodes.online === nodes, 60_000);
    t.comment(`all nodes back after ${Math.round(performance.now() - startedMs)} ms`);
  }
  const more = load.accepted.size + 500;
  await until('tasks flow again', async () => load.accepted.size >= more, 60_000);
  await load.stop();

  const ids = [...load.accepted];
  t.comment(`${ids.length} tasks accepted, ${load.refused} submissions refused or unanswered`);
  const ends = await allEnded(fleet, ids);
  t.equal(ends.size, ids.length, 'every accepted task ended');
  const bad = [...ends.values()].filter(({ state }) => state !== 'done');
  t.same(
    bad.map(({ id, state, problem }) => ({ id, state, problem })),
    [],
    'and was done: three attempts are more than two kills can use up',
  );
  t.same(await placements(fleet), placed, 'no agent moved, no epoch changed');
  const events = await fleet.client.call('events', { query: { limit: 1000 } });
  t.same(
    events.filter(({ type }) => type === 'node-lost' || type === 'agent-moved' || type === 'moves-frozen'),
    [],
  );

  // An end is recorded once: asked again, it is the same.
  for (const id of ids.slice(0, 50)) t.same(await taskOf(fleet, id), ends.get(id));
  // What was answered was remembered, and went upstream through both kills: once each, in chains that verify.
  const turns = new Map<string, number>();
  await until('all memories are upstream', async () => {
    turns.clear();
    for (const { name } of await fleet.client.call('agents'))
      for (const { kind, payload } of await memoryOf(fleet, name))
        if (kind === 'turn') turns.set(payload?.source ?? '', (turns.get(payload?.source ?? '') ?? 0) + 1);
    const missing = ids.filter((id) => !turns.has(`task:${id}`));
    if (missing.length > 0) throw new Error(`${missing.length} are missing`);
    return true;
  });
  t.same(
    [...turns].filter(([, count]) => count !== 1),
    [],
    'each exchange is remembered once',
  );
  // One after the other: the coordinator bounds how many logs it verifies at once.
  const faults: string[] = [];
  for (const name of agents) {
    const fault = await chainFault(fleet, name);
    if (fault !== null) faults.push(`${name}: ${fault}`);
  }
  t.same(faults, [], 'every chain verifies');
  const totals = await fleet.client.call('fleet');
  t.match(totals.tasks, { queued: 0, running: 0 });
});

async function allReady(fleet: Fleet): Promise<void> {
  await until(
    'all agents are ready',
    async () => {
      const waiting = (await fleet.client.call('agents')).filter(({ state }) => state !== 'ready');
      if (waiting.length > 0) throw new Error(`${waiting.length} are not, ${waiting[0]?.name} is ${waiting[0]?.state}`);
      return true;
    },
    90_000,
  );
}
async function placements(fleet: Fleet) {
  const all = (await fleet.client.call('agents')).map(({ name, node, epoch }) => [name, { node, epoch }] as const);
  return new Map(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A submitter that goes on through everything; only what was answered counts as accepted. */
function startLoad(fleet: Fleet) {
  const load = {
    accepted: new Set<string>(),
    refused: 0,
    async stop() {
      going = false;
      await submitter;
    },
  };
  let going = true;
  let next = 0;
  const submit = async () => {
    while (going) {
      const tasks = Array.from({ length: batch }, () => {
        const number = next++;
        return { agent: agents[number % nodes] as string, request: { prompt: `question ${number}`, attempts: 4 } };
      });
      try {
        const { results } = await fleet.client.call('tasksSubmit', { body: { tasks } });
        for (const { task } of results) {
          if (task) load.accepted.add(task);
          else load.refused++;
        }
      } catch {
        load.refused += batch;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  const submitter = submit();
  return load;
}

/** The ends as the coordinator's store has them, page by page. */
async function allEnded(fleet: Fleet, ids: string[]): Promise<Map<string, TaskView>> {
  return until(
    'every accepted task ends',
    async () => {
      const found = new Map<string, TaskView>();
      for (let before: string | undefined; ; ) {
        const page: TaskView[] = await fleet.client.call('tasks', {
          query: { limit: 1000, ...(before ? { before } : {}) },
        });
        for (const view of page) {
          if (found.has(view.id)) throw new Error(`${view.id} is listed twice`);
          found.set(view.id, view);
        }
        if (page.length < 1000) break;
        before = page.at(-1)?.id;
      }
      const missing = ids.filter((id) => !found.has(id));
      if (missing.length > 0) throw new Error(`${missing.length} are not known any more, ${missing[0]}`);
      const open = ids.filter((id) => !isEnd(found.get(id)?.state ?? 'queued'));
      if (open.length > 0)
        throw new Error(`${open.length} have not, ${open[0]} is ${found.get(open[0] as string)?.state}`);
      return new Map(ids.map((id) => [id, found.get(id) as TaskView]));
    },
    90_000,
  );
}
