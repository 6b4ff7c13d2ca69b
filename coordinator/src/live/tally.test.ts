// The running counts and a count from the start say the same, whatever happened. Seeded.
import { isDeepStrictEqual } from 'node:util';
import { seededRandom } from '@blackroad/std/random';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { nothingTouched as nothing } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { countFleet } from './show.ts';
import { Tally } from './tally.ts';

for (let seed = 1; seed <= 20; seed++) {
  t.test(`seed ${seed}`, async (t) => {
    const random = seededRandom(seed);
    const pick = (n: number) => Math.floor(random.next() * n);
    const fleet = new SampleFleet();
    fleet.policy = { ...fleet.policy, valveMinNodes: 1000 };
    for (const id of ['n0', 'n1', 'n2', 'n3']) fleet.online(id);
    for (let i = 0; i < 6; i++) fleet.runs(`a${i}`, `n${i % 4}`);
    let touched = nothing();
    const apply = fleet.apply.bind(fleet);
    // As the loop marks what a batch touched.
    fleet.apply = (changes) => {
      for (const change of changes) {
        if (change.type === 'node') touched.nodes.add(change.row.id);
        else if (change.type === 'node-gone') touched.nodes.add(change.id);
        else if (change.type === 'agent') touched.agents.add(change.row.id);
        else if (change.type === 'agent-gone') touched.agents.add(change.row.id);
        else if (change.type === 'observed' || change.type === 'memory') touched.agents.add(change.agent);
        else if (change.type === 'task-state') touched.tasks.add(change.id);
        else if (change.type === 'task-new') {
          touched.tasks.add(change.row.id);
          touched.agents.add(change.row.agent);
        } else if (change.type === 'task-end') {
          touched.tasks.add(change.row.id);
          touched.agents.add(change.row.agent);
          touched.ended.push(change.row);
        }
      }
      apply(changes);
    };
    const view = fleet.view as View;
    const tally = new Tally(view);
    let ended = 0;
    let tasks = 0;
    for (let step = 0; step < 150; step++) {
      const agent = `a${pick(6)}`;
      const node = `n${pick(4)}`;
      const [task] = [...fleet.view.tasks.keys()];
      switch (pick(8)) {
        case 0:
          if (view.agents.has(agent)) fleet.submit(`t${tasks++}`, agent);
          break;
        case 1:
          if (task && fleet.task(task)?.node)
            fleet.report(task, fleet.task(task)?.node as string, 'done', { result: 'x' });
          break;
        case 2:
          fleet.will(node);
          break;
        case 3:
          fleet.tick(20_000);
          break;
        case 4:
          fleet.online(node);
          break;
        case 5:
          fleet.apply1(agent, { priority: pick(100) });
          break;
        case 6:
          if (view.agents.has(agent) && fleet.node(node).presence === 'online') fleet.move([agent, node]);
          break;
        case 7:
          if (fleet.view.agents.get(agent)?.placement) fleet.ready(agent);
          break;
      }
      ended += touched.ended.length;
      tally.note(touched, fleet.now);
      touched = nothing();
      // One assertion a step would bury the one that fails.
      if (!isDeepStrictEqual(tally.counts(), countFleet(view)))
        t.same(tally.counts(), countFleet(view), `step ${step}`);
    }
    t.same(tally.counts(), countFleet(view));
    t.ok(tally.endedLastMinute(fleet.now) <= ended);
    t.equal(tally.endedLastMinute(fleet.now + 61_000), 0);
  });
}

t.test('ends of the last minute', async (t) => {
  const fleet = new SampleFleet();
  const tally = new Tally(fleet.view as View);
  const end = (count: number) => ({ ...nothing(), ended: Array.from({ length: count }, () => ({}) as never) });
  const start = 1_700_000_000_000;
  tally.note(end(3), start);
  tally.note(end(2), start + 30_000);
  t.equal(tally.endedLastMinute(start + 30_000), 5);
  t.equal(tally.endedLastMinute(start + 59_000), 5);
  t.equal(tally.endedLastMinute(start + 61_000), 2);
  tally.note(end(1), start + 20_000);
  t.equal(tally.endedLastMinute(start + 61_000), 3, 'a clock that was set back counts in the second it had reached');
  t.equal(tally.endedLastMinute(start + 1e9), 0);
});
