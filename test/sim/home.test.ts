// The home fleet in virtual time, with the real coordinator, gateway and node-agents: five Pis, a GPU box, the six agents of
// docs/examples/home.yaml and programs that ask for tiers. Small work is done by the Pis, large by the GPU box; without the box the large
// agent falls back along its own list and large requests say who is away; when the box is back both go home.
import { readFileSync } from 'node:fs';
import { readAgentFile } from '@blackroad/protocol/agent-file';
import t from 'tap';
import type { Asked } from './clients.ts';
import { applySpec } from './people.ts';
import { World } from './world.ts';

const pis = ['alice', 'aria', 'codex', 'lucidia', 'octavia'];
const small = { name: 'llama3.2:1b', sizeBytes: 0.8e9, parametersB: 1.2, slots: 2 };
const medium = { name: 'llama3.1:8b', sizeBytes: 3.8e9, parametersB: 8, slots: 1 };
const large = { name: 'llama3.3:70b', sizeBytes: 42e9, parametersB: 70, slots: 4 };
const minuteMs = 60_000;
const well = { failureRate: 0 };

async function home() {
  const world = new World(20_261, {
    hasClients: true,
    machines: [
      ...pis.map((name) => ({
        ...well,
        name,
        profile: 'pi5' as const,
        models: name === 'lucidia' ? [small, medium] : [small],
      })),
      { ...well, name: 'anvil', profile: 'gpu', models: [{ ...small, slots: 4 }, large] },
    ],
  });
  world.network.options.dropRate = 0;
  await world.begin();
  await world.pass(minuteMs / 2);
  const file = new URL('../../docs/examples/home.yaml', import.meta.url);
  for (const spec of readAgentFile(readFileSync(file, 'utf8'), 'home.yaml')) applySpec(world, spec);
  await world.pass(2 * minuteMs);
  return world;
}
function agentsOf(world: World): Record<string, string> {
  const agents = [...world.stored.agents.values()].map(({ spec, placement }) => [
    spec.name,
    placement ? `${placement.node} ${placement.model}` : 'nowhere',
  ]);
  return Object.fromEntries(agents) as Record<string, string>;
}
/** Asks some at once, and waits until all have ended. */
async function asked(world: World, tier: string, count: number): Promise<Asked[]> {
  const before = new Set(world.clients?.asked.keys());
  for (let i = 0; i < count; i++) world.clients?.ask({ models: [tier] }, 'editor', null);
  for (let i = 0; i < 20 && (world.clients?.open.length ?? 0) > 0; i++) await world.pass(minuteMs / 4);
  return [...(world.clients?.asked.values() ?? [])].filter(({ number }) => !before.has(number));
}
const nodesOf = (answers: readonly Asked[]) =>
  [...new Set(answers.map(({ node, ends }) => node ?? ends[0] ?? ''))].sort();

t.test('small on the Pis, large on the GPU box; without it a fallback, with it home again', async (t) => {
  const world = await home();
  t.teardown(() => world.end());
  const box = world.machines.find(({ name }) => name === 'anvil');
  if (!box) throw new Error('the GPU box is there');
  const others = (agents: Record<string, string>) => Object.entries(agents).filter(([name]) => name !== 'lucidia');

  const first = agentsOf(world);
  t.equal(first.lucidia, `anvil ${large.name}`);
  for (const [agent, where] of others(first)) t.match(where, / llama3\.2:1b$/, agent);
  t.notOk(
    others(first).some(([, where]) => where.startsWith('anvil')),
    'every small agent is on a Pi',
  );
  t.same(nodesOf(await asked(world, 'large', 3)), ['anvil']);
  const smallOnes = nodesOf(await asked(world, 'small', 8));
  t.notOk(smallOnes.includes('anvil'), `small requests are answered by ${smallOnes.join(', ')}`);
  t.ok(smallOnes.length > 1, 'by several of them');

  box.isOut = true;
  box.powerCut();
  await world.pass(3 * minuteMs);
  const without = agentsOf(world);
  t.equal(without.lucidia, `lucidia ${medium.name}`, 'the next of its own list');
  t.same(others(without), others(first), 'nobody else moved');
  t.same(nodesOf(await asked(world, 'large', 2)), ['model-away'], 'the only one that has it is away');
  t.same(nodesOf(await asked(world, 'medium', 2)), ['lucidia']);
  t.notOk(nodesOf(await asked(world, 'small', 4)).includes('anvil'));

  box.isOut = false;
  box.boot();
  for (let i = 0; i < 20 && agentsOf(world).lucidia !== first.lucidia; i++) await world.pass(minuteMs / 2);
  t.same(agentsOf(world), first, 'home again');
  t.same(nodesOf(await asked(world, 'large', 2)), ['anvil']);
  t.equal(world.broken, null);
});
