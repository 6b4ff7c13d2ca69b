// Planning a large fleet without holding the event loop: thirty thousand new agents at once onto ten thousand nodes, planned, committed
// and told; the longest turn of the loop meanwhile; and what a slow round of rebalancing costs when nobody would gain.
import { coordinatorSelf } from '@blackroad/protocol';
import { rebalancing } from '../../coordinator/src/placement/plan/rebalance.ts';
import { bigSpec, openBigFleet, settled } from './big-fleet.ts';
import { bench } from './line.ts';

const nodes = 10_000;
const agents = 30_000;
const size = `${agents}x${nodes}`;
const fleet = await openBigFleet({ nodes, placed: 0 });
const { coordinator } = fleet;
const { view } = coordinator;

// A few first: what is measured is not how the code is compiled.
for (let i = 0; i < 500; i++)
  void coordinator.submit('agent-apply', { by: coordinatorSelf, spec: bigSpec(i), newId: bigSpec(i).name });
await settled(() => coordinator.planning.moves.new === 500);

fleet.longestTurn();
const before = performance.now();
for (let from = 500; from < agents; from += 500) {
  const some = Array.from({ length: Math.min(500, agents - from) }, (_, i) => bigSpec(from + i));
  await Promise.all(
    some.map((spec) => coordinator.submit('agent-apply', { by: coordinatorSelf, spec, newId: spec.name })),
  );
}
const applied = performance.now();
await settled(() => [...view.agents.values()].every(({ placement, unplaced }) => placement || unplaced), 300_000);
const told = performance.now();
const { planning, commits } = coordinator;
bench({
  name: `planning-longest-slice-${size}`,
  value: planning.longestSliceMs,
  unit: 'ms',
  goal: { is: '<=', value: 20 },
});
const turn = fleet.longestTurn();
bench({ name: `planning-longest-turn-${size}`, value: turn.ms, unit: 'ms' });
bench({ name: `planning-most-computed-in-a-turn-${size}`, value: turn.cpuMs, unit: 'ms' });
bench({ name: `planning-longest-commit-${size}`, value: commits.maxMs, unit: 'ms' });
bench({ name: `planning-cpu-${size}`, value: planning.cpuMs, unit: 'ms' });
bench({ name: `planning-plans-${size}`, value: planning.plans, unit: 'plans' });
bench({ name: `planning-apply-${size}`, value: (applied - before) / 1000, unit: 's' });
bench({ name: `planning-until-told-${size}`, value: (told - applied) / 1000, unit: 's' });

const started = performance.now();
let longest = 0;
let last = started;
for (const _ of rebalancing(view, Date.now() + 3_600_000, coordinator.policy)) {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
}
bench({ name: `rebalancing-round-${size}`, value: performance.now() - started, unit: 'ms' });
bench({ name: `rebalancing-longest-step-${size}`, value: longest, unit: 'ms', goal: { is: '<=', value: 20 } });
await fleet.close();
process.exit(0);
