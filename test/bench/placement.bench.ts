// Placement at the size that is promised: how fast, how much faster than asking every node for every agent, how good beside
// it and beside the bound of linear programming, and how long it keeps the event loop waiting at most.
// Seconds are of this thread: a busy machine makes nobody slower or faster than he is.

import type { PlacementPlan, PlacementSnapshot } from '../../coordinator/src/placement/model/supply.ts';
import { planning } from '../../coordinator/src/placement/plan/place.ts';
import { placeExhaustively } from '../fixtures/coordinator/place-exhaustively.ts';
import { snapshotWith } from '../fixtures/coordinator/sample-supply.ts';
import { place } from '../fixtures/coordinator/whole-plan.ts';
import { mixedAgents, mixedNodes, pickyAgents } from './fleet-of.ts';
import { bench } from './line.ts';
import { lpBound } from './lp-bound.ts';

const agents = 30_000;
const manyAgents = 100_000;
const nodes = mixedNodes(10_000);
/** Enough that a sixth of the agents finds no compute left: with room for all, any plan would reach the bound. */
const tightTokensPerMinute = 200;
const runs = 5;

place(snapshotWith(mixedNodes(500), mixedAgents(2000)));
const snapshot = snapshotWith(nodes, mixedAgents(agents));
const { plan, seconds } = best(snapshot);
bench({
  name: 'placement-rate',
  value: Math.round(agents / seconds),
  unit: 'placements/s',
  goal: { is: '>=', value: 100_000 },
});
bench({ name: 'placement-placed', value: plan.placed.length, unit: 'agents' });
const packed = best(snapshotWith(nodes, snapshot.demands, 'pack'));
bench({ name: 'placement-rate-packed', value: Math.round(agents / packed.seconds), unit: 'placements/s' });

const slices = [1, 2, 3, 4, 5].map(() => slicesOf(snapshot));
// The plan is the same every time, and so are its slices: what a slice takes itself is the least it ever took. The
// garbage collector comes when it likes.
const own = slices[0]!.map((_, i) => Math.min(...slices.map((times) => times[i]!)));
bench({ name: 'placement-longest-slice', value: Math.max(...own), unit: 'ms', goal: { is: '<=', value: 4 } });
const worst = Math.min(...slices.map((times) => Math.max(...times)));
bench({ name: 'placement-longest-slice-with-gc', value: worst, unit: 'ms', goal: { is: '<=', value: 20 } });

const picky = best(snapshotWith(nodes, pickyAgents(10_000, 3_000)));
bench({ name: 'placement-many-selectors-rate', value: Math.round(10_000 / picky.seconds), unit: 'placements/s' });

const tight = snapshotWith(nodes, mixedAgents(manyAgents, { tokensPerMinute: tightTokensPerMinute }));
const bound = await lpBound(tight);
const many = best(tight);
bench({
  name: 'placement-lp-share',
  value: many.plan.placed.length / bound,
  unit: 'share',
  goal: { is: '>=', value: 0.97 },
});
bench({
  name: 'placement-lp-share-packed',
  value: place({ ...tight, strategy: 'pack' }).placed.length / bound,
  unit: 'share',
});
bench({ name: 'placement-rate-100k', value: Math.round(manyAgents / many.seconds), unit: 'placements/s' });

const began = cpuSeconds();
const seats = placeExhaustively(snapshot);
const exhaustiveSeconds = cpuSeconds() - began;
bench({
  name: 'placement-against-exhaustive',
  value: exhaustiveSeconds / seconds,
  unit: 'times',
  goal: { is: '>=', value: 30 },
});
const ratio = nodesUsed(plan.placed) / nodesUsed(seats);
bench({ name: 'placement-nodes-used-ratio', value: ratio, unit: 'ratio', goal: { is: '<=', value: 1.02 } });
const same = seats.filter(({ agent, node, model }, i) => {
  const ours = plan.placed[i];
  return ours?.agent === agent && ours.node === node && ours.model === model;
});
bench({
  name: 'placement-same-as-exhaustive',
  value: same.length / seats.length,
  unit: 'share',
  goal: { is: '>=', value: 1 },
});

function best(of: PlacementSnapshot): { plan: PlacementPlan; seconds: number } {
  let [found, least] = [place(of), Number.POSITIVE_INFINITY];
  for (let run = 0; run < runs; run++) {
    const start = cpuSeconds();
    found = place(of);
    least = Math.min(least, cpuSeconds() - start);
  }
  return { plan: found, seconds: least };
}
function slicesOf(of: PlacementSnapshot): number[] {
  const times: number[] = [];
  const slicing = planning(of);
  for (let isDone = false; !isDone; ) {
    const start = performance.now();
    isDone = slicing.next().done === true;
    times.push(performance.now() - start);
  }
  return times;
}
function nodesUsed(placed: readonly { node: string }[]): number {
  return new Set(placed.map(({ node }) => node)).size;
}
function cpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}
