// The fleets and agents that the placement bench places: mixed machines, a few sites and racks, some nodes away.

import type { Demand, SupplyNode } from '../../coordinator/src/placement/model/supply.ts';
import { demandOf, GiB, modelOf, nodeOf } from '../fixtures/coordinator/sample-supply.ts';

const padded = (prefix: string, i: number) => `${prefix}-${String(i).padStart(6, '0')}`;
const sites = 20;
const racks = 40;

/** Of 25 nodes one has a data-centre GPU, four a consumer one, the rest are Pis; half of these have their model loaded. */
export function mixedNodes(count: number): SupplyNode[] {
  const tps = (decodeTps: number) => ({ prefillTps: 20 * decodeTps, decodeTps, samples: 9 });
  const small = (given = {}) => modelOf('small', { parametersB: 1, speed: tps(12), ...given });
  const big = (given = {}) =>
    modelOf('big', {
      sizeBytes: 5 * GiB,
      parametersB: 8,
      slots: 4,
      speed: tps(60),
      ...given,
    });
  return Array.from({ length: count }, (_, i) => {
    const given = { site: `site-${i % sites}`, labels: { rack: String(i % racks), row: String(i % 150) } };
    const id = padded('node', i);
    if (i % 25 === 0) {
      const models = [big({ resident: true, slots: 64, speed: tps(110) }), small({ slots: 16, speed: tps(400) })];
      return nodeOf(id, { ...given, class: 'gpu', memoryTotalBytes: 80 * GiB, memoryFreeBytes: 70 * GiB, models });
    }
    if (i % 5 === 0) {
      const models = [big(), small({ slots: 4, speed: tps(200) })];
      return nodeOf(id, { ...given, class: 'edge-gpu', memoryTotalBytes: 20 * GiB, memoryFreeBytes: 16 * GiB, models });
    }
    const closed = i % 50 === 7 ? { filter: 'away' as const, text: 'it is lost' } : null;
    return nodeOf(id, { ...given, closed, models: [small({ resident: i % 2 === 0 })] });
  });
}
/** A third wants the larger model first, a quarter is bound to a site, a seventh to GPUs, a fifth comes before the others. */
export function mixedAgents(count: number, given: { tokensPerMinute?: number } = {}): Demand[] {
  return Array.from({ length: count }, (_, i) =>
    demandOf(padded('agent', i), {
      model: i % 3 === 0 ? ['big', 'small'] : ['small'],
      priority: i % 5 === 0 ? 70 : 50,
      load: { tokensPerMinute: given.tokensPerMinute ?? 1 },
      placement: { site: i % 4 === 0 ? [`site-${i % sites}`] : [], class: i % 7 === 0 ? ['gpu', 'edge-gpu'] : [] },
      limits: { contextTokens: i % 2 === 0 ? 2048 : 4096 },
    }),
  );
}
/** Nearly everybody asks for something else: rack and row together, with or without a site or a class. */
export function pickyAgents(count: number, selectors: number): Demand[] {
  return Array.from({ length: count }, (_, i) => {
    const own = i % selectors;
    const labels: Record<string, string> = own < 1500 ? { row: String(own % 150) } : { rack: String(own % racks) };
    return demandOf(padded('picky', i), {
      placement: {
        labels,
        class: own % 2 === 0 ? ['pi', 'gpu'] : [],
        maxPricePerMillionTokens: own,
      },
    });
  });
}
