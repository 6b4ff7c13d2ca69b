// The home fleet as its owner has it, in real processes: five simulated Pis, one GPU box, and the six agents of docs/examples/home.yaml as
// they stand there. Every small agent is on a Pi and the large one on the box; the box is pulled out, and the large one falls back by its
// own list; the box is back, and it goes home. What a person reads about it is in the test's output.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAgentFile } from '@blackroad/protocol/agent-file';
import t from 'tap';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { agentOf, ask, presence } from '../fixtures/steps.ts';

t.setTimeout(300_000);

const home = new URL('../../docs/examples/home.yaml', import.meta.url);
const large = 'lucidia';
const pis = ['alice', 'aria', 'codex', 'lucidia', 'octavia'];

const fleet = await startFleet(t);
const words = async (...args: string[]) => {
  const { stdout, stderr } = await runFleet([...args, '--data', join(fleet.folder, 'coordinator')]);
  t.comment(`fleet ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
};
await fleet.simulate('pis', { nodes: 5, profile: 'home' });
let box = await fleet.simulate('box', { profile: 'gpu-box', seed: 6 });
// An agent that is placed before the box has told its models goes to a Pi, and home at the next rebalancing only.
await until(
  'all machines have told their models',
  async () => (await fleet.client.call('nodes')).filter(({ capacity }) => capacity?.models.length).length === 6,
  60_000,
);
for (const spec of readAgentFile(readFileSync(home, 'utf8'), 'home.yaml'))
  await fleet.apply({ ...spec, placement: { ...spec.placement, simulated: true } as never });

/** The nodes of all agents, once all are ready. */
const places = () =>
  until(
    'all agents are ready',
    async () => {
      const agents = await fleet.client.call('agents');
      if (agents.some(({ state }) => state !== 'ready'))
        throw new Error(agents.map(({ name, state, node }) => `${name} ${state} on ${node}`).join(', '));
      return Object.fromEntries(agents.map(({ name, node }) => [name, node ?? '']));
    },
    60_000,
  );
const events = async () =>
  (await fleet.client.call('events', { query: { agent: large, limit: 50 } })).map(({ text }) => text);

t.test('every small agent on a Pi, one on each; the large one on the GPU box', async (t) => {
  const { [large]: node, ...small } = await places();
  t.equal(node, 'gpu-box');
  t.same(Object.values(small).sort(), pis);
  t.match(await words('agents', 'explain', large), /is on gpu-box with sim-70b/);
  const explained = await words('agents', 'explain', 'alice');
  t.match(explained, /size .*class pi is fast enough; the less hardware, the more points/);
  t.match(await ask(fleet, large, 'Are you there?'), { state: 'done', node: 'gpu-box' });
});

t.test('the box is pulled out: the large one falls back by its own list', async (t) => {
  const before = await places();
  await box.kill('SIGKILL');
  await presence(fleet, 'gpu-box', 'lost');
  const after = await until(
    'it has another place',
    async () => {
      const now = await agentOf(fleet, large);
      return now.state === 'ready' && now.node !== 'gpu-box' && now;
    },
    120_000,
  );
  t.ok(pis.includes(after.node ?? ''), `on ${after.node}`);
  t.match(after.model, /^sim-(1b|0\.5b)$/, 'the third of its list: auto');
  const { [large]: _, ...small } = await places();
  const { [large]: __, ...smallBefore } = before;
  t.same(small, smallBefore, 'nobody else moves');
  t.match(await words('agents', 'explain', large), /gpu-box/);
  t.match(await ask(fleet, large, 'Where are you now?'), { state: 'done', node: after.node });
});

t.test('the box is back: the large one goes home, the small ones stay', async (t) => {
  const { [large]: _, ...before } = await places();
  box = await fleet.simulate('box', { profile: 'gpu-box', seed: 6 });
  await presence(fleet, 'gpu-box', 'online');
  await until('it is home', async () => (await agentOf(fleet, large)).node === 'gpu-box', 150_000);
  const { [large]: node, ...small } = await places();
  t.equal(node, 'gpu-box');
  t.same(small, before);
  t.match(await words('agents', 'explain', large), /is on gpu-box with sim-70b/);
  t.match(await ask(fleet, large, 'Are you home?'), { state: 'done', node: 'gpu-box' });
  const told = await events();
  t.comment(told.join('\n'));
  t.ok(told.some((text) => /moves from gpu-box to .*: gpu-box is lost/.test(text)));
  t.ok(told.some((text) => /to gpu-box with sim-70b: sim-70b on gpu-box comes before .* in its list/.test(text)));
});

t.test('who ends one of two simulations keeps the nodes of the other', async (t) => {
  const simulate = (seconds: string) =>
    words('simulate', '--nodes', '1', '--profile', 'plan', '--seed', seconds, '--for', seconds);
  const joined = async () =>
    (await fleet.client.call('nodes')).filter(({ site }) => site === 'simulated').map(({ id }) => id);
  const long = simulate('25');
  const [stays] = await until('the first one has joined', async () => {
    const now = await joined();
    return now.length > 0 && now;
  });
  await simulate('4');
  t.same(await joined(), [stays]);
  await long;
  t.same(await joined(), []);
});
