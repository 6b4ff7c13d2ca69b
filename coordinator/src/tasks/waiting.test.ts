// A task never waits for ever while its agent could work: the tick leases it even if the report that should have led to the lease was
// missed.
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { sampleNode, samplePolicy } from '../../../test/fixtures/coordinator/sample-rows.ts';

t.test('an agent that became ready while its node was taken for silent gets its work when the node is', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  fleet.apply1('greeter');
  fleet.move(['greeter', 'alice']);
  fleet.submit('t1', 'greeter', { deadlineSeconds: 3600 });
  // The silence of a node is longer than allowed, its agent is ready, and only then the node's birth arrives, without a hello.
  fleet.pass(60_000);
  t.not(fleet.node('alice').presence, 'online');
  fleet.ready('greeter');
  t.equal(fleet.task('t1')?.state, 'queued');
  fleet.birth('alice', fleet.node('alice').boot);
  t.equal(fleet.node('alice').presence, 'online');
  fleet.tick();
  t.match(fleet.task('t1'), { state: 'leased', node: 'alice', attempt: 1 });
  t.equal(fleet.view.unserved.size, 0);
});

t.test('an agent that stays on a draining node because nobody else takes it goes on working', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), draining: true } }]);
  fleet.submit('t1', 'greeter');
  fleet.tick();
  t.equal(fleet.task('t1')?.state, 'queued', 'it is about to be handed off');
  const unplaced = { text: 'it stays there: no other node', fix: [], refused: [] };
  fleet.apply([{ type: 'agent', row: { ...fleet.agent('greeter'), unplaced } }]);
  fleet.tick();
  t.equal(fleet.task('t1')?.state, 'leased');
});

t.test('a thousand agents without a node keep nobody else waiting for long', async (t) => {
  const fleet = new SampleFleet();
  for (let i = 0; i < 1000; i++) {
    fleet.apply1(`nowhere-${i}`);
    fleet.submit(`n-${i}`, `nowhere-${i}`);
  }
  fleet.runs('greeter', 'alice');
  fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), draining: true } }]);
  fleet.submit('t1', 'greeter');
  fleet.apply([{ type: 'node', row: { ...fleet.node('alice'), draining: false } }]);
  const leases = [1, 2, 3, 4, 5, 6].flatMap(() => said(fleet.tick().messages, 'task'));
  t.match(leases, [{ params: { node: 'alice' }, message: { task: 't1' } }]);
  t.equal(leases.length, 1);
  t.equal(fleet.view.unserved.size, 1000);
});

t.test('a tick turns a dark site in decisions of bounded size', async (t) => {
  const fleet = new SampleFleet();
  const since = fleet.now;
  fleet.now += samplePolicy.restartGraceMs + 60_000;
  for (let i = 0; i < 1000; i++) {
    const row = sampleNode(`n-${i}`, { presence: 'suspect', presenceSinceMs: since, presenceReason: 'silent' });
    fleet.apply([{ type: 'node', row }]);
  }
  fleet.view.tickedMs = fleet.now;
  const sizes: number[] = [];
  for (let more = true; more; ) {
    const { outcome, changes } = fleet.tick(0);
    sizes.push(changes.length);
    more = outcome.ok && outcome.value.more;
  }
  t.ok(sizes.length > 1 && sizes.every((size) => size < 700), `${sizes}`);
  t.ok([...fleet.view.nodes.values()].every(({ presence }) => presence === 'lost'));
});
