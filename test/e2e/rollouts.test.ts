// A rollout with real processes, by the command line: labels of four nodes and the spec of agents, wave by wave, a coordinator that is killed
// in the middle, and the way back.
import { join } from 'node:path';
import type { RolloutDetails, RolloutView } from '@blackroad/protocol';
import t from 'tap';
import { runFleet, startFleet, until } from '../fixtures/processes.ts';
import { namesIn, nodeOf, presence, ready } from '../fixtures/steps.ts';

t.setTimeout(240_000);

t.test('labels, then agents, wave by wave', async (t) => {
  const fleet = await startFleet(t);
  const data = ['--data', join(fleet.folder, 'coordinator')];
  const run = async (...args: string[]) => {
    const ran = await runFleet(['rollouts', ...args, '--json', ...data]);
    t.equal(ran.code, 0, `${args.join(' ')}: ${ran.stderr}`);
    return JSON.parse(ran.stdout || 'null') as RolloutView & RolloutDetails;
  };
  await fleet.simulate('lab', { nodes: 4 });
  const nodes = namesIn(fleet, 'lab', 4);
  for (const node of nodes) await presence(fleet, node, 'online');
  const labelled = async () => {
    const all = await fleet.client.call('nodes');
    return all.filter(({ labels }) => labels.ring === 'new').map(({ id }) => id);
  };
  const shown = (id: string) => fleet.client.call('rollout', { params: { rollout: id } });
  const waitsFor = (id: string, what: RolloutView['waitsFor']) =>
    until(`it waits for ${what}`, async () => {
      const view = await shown(id);
      if (view.waitsFor === what) return view;
      throw new Error(`${view.state}: ${view.reason}`);
    });

  const options = ['--waves', '1,100%', '--soak', '2s', '--approval', 'first', '--gates', 'update,contact'];
  const { id } = await run('start', 'labels', 'ring=new', ...options);
  await waitsFor(id, 'approval');
  t.equal((await labelled()).length, 1, 'one node has it');
  t.match((await runFleet(['rollouts', ...data])).stdout, /labels ring=new +running +1 of 2 +waits for a person/);
  t.match((await runFleet(['rollouts', 'show', id, ...data])).stdout, /▸ wave 1 .* 1 of 1\n {2}wave 2 .* 0 of 3/);
  await fleet.restartCoordinator('SIGKILL');
  for (const node of nodes) await presence(fleet, node, 'online');
  await waitsFor(id, 'approval');
  t.equal((await labelled()).length, 1, 'a coordinator that was killed knows where it stands');
  t.match(await run('pause', id), { state: 'paused' });
  t.match(await run('approve', id), { state: 'paused' });
  t.match(await run('resume', id), { state: 'running' });
  t.match(await run('watch', id), { state: 'done' });
  t.equal((await labelled()).length, 4);

  t.match(await run('back', id), { text: 'labels ring=new' });
  const back = await runFleet(['rollouts', 'watch', id, ...data]);
  t.match(back, { code: 1, stderr: /rolled back by key:admin/ });
  t.same(await labelled(), [], 'every node has the labels of before');
  t.equal((await nodeOf(fleet, nodes[0] as string)).labels.simulated, 'mix', 'and all others');

  for (const name of ['one', 'two', 'three']) await fleet.apply({ name, temperature: 0.5 });
  for (const name of ['one', 'two', 'three']) await ready(fleet, name);
  const agents = await run(
    'start',
    'agents',
    'temperature=0.9',
    '--waves',
    'two,100%',
    '--soak',
    '2s',
    '--approval',
    'each',
  );
  await waitsFor(agents.id, 'approval');
  const temperatures = async () =>
    (await fleet.client.call('agents')).map(({ name, spec }) => `${name} ${spec.temperature}`).sort();
  t.same(await temperatures(), ['one 0.5', 'three 0.5', 'two 0.9']);
  t.match(await run('abort', agents.id), { state: /rolling-back|aborted/ });
  t.equal((await runFleet(['rollouts', 'watch', agents.id, ...data])).code, 1);
  t.same(await temperatures(), ['one 0.5', 'three 0.5', 'two 0.5']);
});
