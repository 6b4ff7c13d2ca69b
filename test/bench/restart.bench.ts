// A coordinator with many nodes over mTLS, each with one agent: what it costs while they only beat, and what happens when it is killed
// with SIGKILL and started again: how long until all are back, and how many agents moved because of it (none should).
// The nodes share this machine's cores with the coordinator, and so do the handshakes of both sides. 2,000 with BENCH=all, else 300.
import { startFleet, until } from '../fixtures/processes.ts';
import { lifetime } from './lifetime.ts';
import { bench } from './line.ts';
import { cpuSeconds, memoryOf } from './proc.ts';

const long = process.env.BENCH_LONG === '1';
const nodes = Number(process.env.BENCH_NODES ?? (long ? 2000 : 300));
const processes = nodes >= 1000 ? 4 : 2;
const beatingS = 30;
const of = `-${nodes}-nodes`;
const goalsHold = nodes >= 2000;

const life = lifetime();
const fleet = await startFleet(life, {
  args: [
    '--log',
    'warn',
    '--heartbeat',
    '10',
    '--lost-after',
    '30',
    '--restart-grace',
    '60',
    '--reconnect-window',
    '2',
  ],
});
const joining = performance.now();
const simulated = await Promise.all(
  Array.from({ length: processes }, (_, i) => {
    const extra = ['--log', 'warn'];
    const count = Math.floor(nodes / processes);
    return fleet.simulate(`part${i}`, { nodes: count, seed: 1 + i * 10_000, extra, readyMs: 900_000 });
  }),
);
await until('all nodes', async () => (await totals()).nodes.online === nodes, 300_000);
bench({ name: `join${of}`, value: (performance.now() - joining) / 1000, unit: 's' });

let next = 0;
await Promise.all(
  Array.from({ length: 8 }, async () => {
    while (next < nodes) await fleet.apply({ name: `agent-${next++}`, memory: { recall: 0, remember: 'none' } });
  }),
);
await until('all agents', async () => (await totals()).agents.ready === nodes, 300_000);
// Plans and first states are over.
await sleep(5);

const pid = () => fleet.coordinator.child.pid as number;
const cpu = cpuSeconds(pid());
await sleep(beatingS);
const share = ((cpuSeconds(pid()) - cpu) / beatingS) * 100;
bench({ name: `coordinator-cpu${of}-beating-every-10s`, value: share, unit: '%-of-a-core' });
bench({ name: `coordinator-rss${of}`, value: memoryOf(pid()).rssMb, unit: 'MB' });

const before = await places();
const killed = performance.now();
await fleet.restartCoordinator('SIGKILL');
const started = performance.now();
// Presence alone may be what was stored: a node is back when it is connected again and has said hello.
await until(
  'all nodes back',
  async () => {
    // Seldom: a scrape of thousands of nodes and agents is work of the very process that is measured.
    await sleep(0.4);
    const text = (await fleet.client.call('metrics')) as unknown as string;
    const hellos = Number(/what="message nodeHello"\} (\d+)/.exec(text)?.[1] ?? 0);
    const connections = Number(/^blackroad_bus_connections (\d+)/m.exec(text)?.[1] ?? 0);
    return hellos >= nodes && connections >= nodes && (await totals()).nodes.online === nodes;
  },
  300_000,
);
const back = performance.now();
bench({ name: `coordinator-start${of}`, value: (started - killed) / 1000, unit: 's' });
bench({
  name: `restart-until-back${of}`,
  value: (back - killed) / 1000,
  unit: 's',
  ...(goalsHold ? { goal: { is: '<=' as const, value: 10 } } : {}),
});
await sleep(10);
const after = await places();
let moved = 0;
for (const [agent, place] of before) if (after.get(agent) !== place) moved++;
bench({ name: `agents-moved-by-restart${of}`, value: moved, unit: 'agents', goal: { is: '<=', value: 0 } });

await Promise.all([...simulated.map((process) => process.kill('SIGTERM')), fleet.coordinator.kill('SIGTERM')]);
await life.end();
process.exit(0);

function totals() {
  return fleet.client.call('fleet');
}
async function places(): Promise<Map<string, string>> {
  return new Map((await fleet.client.call('agents')).map(({ name, node, epoch }) => [name, `${node} ${epoch}`]));
}
function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
