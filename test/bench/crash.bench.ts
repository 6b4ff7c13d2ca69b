// A node-agent is killed with SIGKILL: how long until the API says so, and until its agent is ready on another node. The second is
// mostly patience that a test fleet has little of (one second here, half a minute and more by default), so it has no goal.
import { startFleet, until } from '../fixtures/processes.ts';
import { agentOf, namesIn, nodeOf, presence, ready } from '../fixtures/steps.ts';
import { lifetime } from './lifetime.ts';
import { bench, percentile } from './line.ts';

const rounds = 7;

const life = lifetime();
const fleet = await startFleet(life, { args: ['--log', 'warn', '--heartbeat', '10', '--lost-after', '1'] });
const start = async (folder: string, seed: number) => {
  const process = await fleet.simulate(folder, { profile: 'lab', seed });
  const [name] = namesIn(fleet, folder) as [string];
  await presence(fleet, name, 'online');
  return { folder, seed, name, process };
};
const nodes = [await start('one', 1), await start('two', 101)];
await fleet.apply({ name: 'keeper' });

const seen: number[] = [];
const moved: number[] = [];
for (let i = 0; i < rounds; i++) {
  await ready(fleet, 'keeper');
  const { node: holder } = await agentOf(fleet, 'keeper');
  const victim = nodes.find(({ name }) => name === holder) as (typeof nodes)[number];
  const killedAt = performance.now();
  void victim.process.kill('SIGKILL');
  for (;;) {
    if ((await nodeOf(fleet, victim.name)).presence !== 'online') break;
    if (performance.now() - killedAt > 60_000) throw new Error('the crash was not seen within a minute');
  }
  seen.push(performance.now() - killedAt);
  await until('the agent is elsewhere', async () => {
    const view = await agentOf(fleet, 'keeper');
    return view.state === 'ready' && view.node !== victim.name;
  });
  moved.push(performance.now() - killedAt);
  Object.assign(victim, await start(victim.folder, victim.seed));
}
bench({ name: 'crash-seen-after', value: percentile(seen, 0.5) / 1000, unit: 's', goal: { is: '<=', value: 1 } });
bench({ name: 'crash-seen-after-worst', value: Math.max(...seen) / 1000, unit: 's', goal: { is: '<=', value: 1 } });
bench({ name: 'agent-ready-elsewhere-with-lost-after-1s', value: percentile(moved, 0.5) / 1000, unit: 's' });
await Promise.all([...nodes.map(({ process }) => process.kill('SIGTERM')), fleet.coordinator.kill('SIGTERM')]);
await life.end();
process.exit(0);
