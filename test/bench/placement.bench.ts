// How many agents a second placement places, from nothing, at two sizes of fleet: 60 kinds of agents, five kinds of machines.
import { demandOf, GiB, modelOf, nodeOf } from '../../coordinator/src/placement/fixture.ts';
import { place } from '../../coordinator/src/placement/place.ts';
import { bench } from './line.ts';

for (const [agents, nodes] of [
  [2_000, 200],
  [30_000, 10_000],
] as const) {
  const snapshot = { nodes: supply(nodes), demands: demand(agents) };
  place({ nodes: snapshot.nodes.slice(0, 20), demands: snapshot.demands.slice(0, 200) });
  const before = performance.now();
  const plan = place(snapshot);
  const seconds = (performance.now() - before) / 1000;
  const size = `${agents}x${nodes}`;
  bench({ name: `placement-${size}`, value: seconds * 1000, unit: 'ms' });
  bench({ name: `placement-${size}-rate`, value: Math.round(agents / seconds), unit: 'placements/s' });
  bench({ name: `placement-${size}-placed`, value: plan.placed.length, unit: 'agents' });
}

function supply(count: number) {
  const small = (given = {}) => modelOf('small', { parametersB: 1, ...given });
  const big = (given = {}) => modelOf('big', { sizeBytes: 5 * GiB, parametersB: 8, slots: 4, ...given });
  return Array.from({ length: count }, (_, i) => {
    const id = `node-${String(i).padStart(5, '0')}`;
    const site = `site-${i % 20}`;
    const labels = { rack: String(i % 40) };
    if (i % 25 === 0)
      return nodeOf(id, {
        class: 'gpu',
        site,
        labels,
        memoryTotalBytes: 80 * GiB,
        memoryFreeBytes: 70 * GiB,
        models: [big({ resident: true, slots: 64 }), small()],
      });
    if (i % 5 === 0)
      return nodeOf(id, {
        class: 'edge-gpu',
        site,
        labels,
        memoryTotalBytes: 20 * GiB,
        memoryFreeBytes: 16 * GiB,
        models: [big(), small()],
      });
    const closed = i % 50 === 7 ? { filter: 'away', text: 'it is lost' } : null;
    return nodeOf(id, { site, labels, closed, models: [small({ resident: i % 2 === 0 })] });
  });
}
function demand(count: number) {
  return Array.from({ length: count }, (_, i) =>
    demandOf(`agent-${String(i).padStart(5, '0')}`, {
      model: i % 3 === 0 ? ['big', 'small'] : ['small'],
      priority: i % 5 === 0 ? 70 : 50,
      placement: { site: i % 4 === 0 ? [`site-${i % 20}`] : [], class: i % 7 === 0 ? ['gpu', 'edge-gpu'] : [] },
      limits: { contextTokens: i % 2 === 0 ? 2048 : 4096 },
    }),
  );
}
