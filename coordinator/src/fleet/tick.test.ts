import t from 'tap';
import { events, paramsOf, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, boot1, samplePolicy, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { apply } from '../state/apply.ts';
import { editNode, forgetNode } from './nodes.ts';

/** A fleet past the grace period after the start, with a heartbeat from every node. */
function settled(...nodes: string[]): SampleFleet {
  const fleet = new SampleFleet();
  fleet.online(...nodes);
  fleet.now += samplePolicy.restartGraceMs;
  for (const node of nodes) apply(fleet.view, { type: 'seen', node, atMs: fleet.now });
  return fleet;
}

t.test('silence: three heartbeats and a second', async (t) => {
  const fleet = settled('alice');
  fleet.pass(16_000);
  t.equal(fleet.node('alice').presence, 'online');
  fleet.pass(500, 250);
  t.match(fleet.node('alice'), { presence: 'suspect', presenceReason: 'silent', presenceCause: 'silent' });
  const sinceMs = fleet.node('alice').presenceSinceMs;
  while (fleet.node('alice').presence === 'suspect') fleet.tick();
  t.equal(fleet.node('alice').presence, 'lost');
  t.equal(fleet.node('alice').presenceSinceMs - sinceMs, samplePolicy.lostAfterMs, 'and no sooner');
});

t.test('lost: leases go back, attempts used up end as node-lost, placement is not touched', async (t) => {
  const fleet = settled();
  fleet.runs('greeter', 'alice', { concurrency: 2 });
  fleet.submit('t1', 'greeter');
  fleet.submit('t2', 'greeter', { attempts: 1 });
  fleet.submit('t3', 'greeter');
  fleet.will('alice');
  t.equal(fleet.task('t1')?.state, 'leased', 'a suspect keeps its leases');
  fleet.pass(samplePolicy.lostAfterMs);
  t.equal(fleet.node('alice').presence, 'lost');
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1, node: null });
  t.match(fleet.task('t3'), { state: 'queued', attempt: 0 });
  t.same([...fleet.ends.keys()], ['t2']);
  t.equal(fleet.agent('greeter').placement?.node, 'alice');
  t.same(fleet.view.leasesByNode.size, 0);
});

t.test('deadlines', async (t) => {
  const fleet = settled();
  fleet.runs('greeter', 'alice');
  fleet.submit('run', 'greeter', { deadlineSeconds: 5 });
  fleet.submit('wait', 'greeter', { deadlineSeconds: 5 });
  fleet.submit('later', 'greeter', { deadlineSeconds: 50 });
  t.same(
    fleet.tick(4999).changes.filter(({ type }) => type === 'task-end'),
    [],
  );
  const late = fleet.tick(1);
  t.match(
    late.changes.filter(({ type }) => type === 'task-end'),
    [
      { row: { id: 'run', state: 'expired', problem: { code: 'deadline-passed' } } },
      { row: { id: 'wait', state: 'expired' } },
    ],
  );
  t.match(said(late.messages, 'cancel'), [{ params: { node: 'alice' }, message: { task: 'run' } }]);
  t.match(said(late.messages, 'task'), [{ message: { task: 'later' } }], 'the place is given on at once');
});

t.test('a pause of the coordinator is not the silence of the nodes', async (t) => {
  const fleet = settled('a', 'b', 'c', 'd');
  fleet.tick();
  fleet.will('d');
  fleet.tick(600_000);
  for (const id of ['a', 'b', 'c']) t.equal(fleet.node(id).presence, 'online');
  t.equal(fleet.node('d').presence, 'suspect', 'nor is anybody lost by it');
  fleet.pass(10_000);
  t.equal(fleet.node('a').presence, 'online', 'they have time to speak');
  fleet.pass(samplePolicy.restartGraceMs);
  t.equal(fleet.node('d').presence, 'lost');
});

t.test('the valve closes on a blast, says why, and opens when enough are back', async (t) => {
  const fleet = settled('a', 'b', 'c', 'd', 'e');
  const beat = (...ids: string[]) => {
    for (const id of ids) apply(fleet.view, { type: 'seen', node: id, atMs: fleet.now });
  };
  fleet.will('a');
  fleet.will('b');
  fleet.tick();
  t.same(fleet.view.frozen, [], '2 of 5');
  fleet.will('c');
  t.same(paramsOf(fleet.tick().changes, 'moves-frozen'), [{ away: 3, nodes: 5, seconds: 60 }]);
  t.match(fleet.view.frozen, [{ site: null, reason: /^3 of 5 nodes of the fleet went away within 60 s/ }]);
  for (let i = 0; i < 300; i++) {
    beat('d', 'e');
    fleet.tick(1000);
  }
  t.equal(fleet.node('a').presence, 'lost');
  t.equal(fleet.view.frozen.length, 1, 'time alone does not open it');
  fleet.birth('a');
  t.same(paramsOf(fleet.tick().changes, 'moves-resumed'), [{ frozen: [] }]);
  t.same(fleet.view.frozen, []);
});

t.test('the valve is judged again when a person moves a node to another site, or forgets one', async (t) => {
  const fleet = settled('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
  const move = (node: string, site: string) => fleet.decide<'node-edit'>(editNode, { by: ada, node, site });
  for (const node of ['a', 'b', 'c', 'd', 'e']) move(node, 'barn');
  move('f', 'yard');
  for (const node of ['a', 'b', 'f']) fleet.will(node);
  fleet.tick();
  t.same(frozenSites(fleet), [], 'two of five in the barn, the one of the yard');
  move('f', 'barn');
  t.same(frozenSites(fleet), [], '3 of 6');
  fleet.decide<'node-forget'>(forgetNode, { by: ada, node: 'c' });
  t.same(frozenSites(fleet), ['barn'], '3 of 5, before any tick');
  move('f', 'yard');
  t.same(frozenSites(fleet), [], 'two away are no blast');
});

t.test('a large fleet: half of what closed the valve must be back', async (t) => {
  const ids = Array.from({ length: 20 }, (_, i) => `n${i}`);
  const fleet = settled(...ids);
  for (const id of ids.slice(0, 11)) fleet.will(id);
  fleet.tick();
  t.equal(fleet.view.frozen.length, 1, '11 of 20');
  for (const id of ids.slice(0, 5)) fleet.birth(id);
  fleet.tick();
  t.equal(fleet.view.frozen.length, 1, '6 of 20: it does not flap');
  fleet.birth('n5');
  fleet.tick();
  t.same(fleet.view.frozen, [], '5 of 20');
});

t.test('a person opens the valve: who is away then does not close it again', async (t) => {
  const fleet = settled('a', 'b', 'c', 'd');
  for (const id of ['a', 'b', 'c']) fleet.will(id);
  fleet.tick();
  t.equal(fleet.view.frozen.length, 1);
  fleet.apply([{ type: 'frozen', frozen: [] }]);
  for (let i = 0; i < 60; i++) {
    apply(fleet.view, { type: 'seen', node: 'd', atMs: fleet.now });
    fleet.tick(1000);
    t.same(fleet.view.frozen, []);
  }
  t.equal(fleet.node('c').presence, 'lost', 'though they are lost by now');
});

t.test('the valve looks at sites too, and not at nodes that were stopped', async (t) => {
  const fleet = settled();
  for (let i = 0; i < 20; i++) fleet.addNode(`n${i}`, { site: i < 4 ? 'barn' : 'home' });
  fleet.online(...fleet.view.nodes.keys());
  for (const id of ['n4', 'n5', 'n6', 'n7', 'n8', 'n9', 'n10', 'n11', 'n12', 'n13', 'n14', 'n15', 'n16', 'n17'])
    fleet.will(id, boot1, 'stopped');
  fleet.tick();
  t.same(fleet.view.frozen, []);
  for (const id of ['n0', 'n1', 'n2']) fleet.will(id);
  fleet.tick();
  t.match(fleet.view.frozen, [{ site: 'barn', reason: /3 of 4 nodes of site barn/ }]);
});

/** A fleet with six nodes at each site. */
function sites(...names: string[]): SampleFleet {
  const fleet = settled();
  for (const site of names) for (let i = 0; i < 6; i++) fleet.addNode(`${site}-${i}`, { site });
  fleet.online(...fleet.view.nodes.keys());
  fleet.tick();
  return fleet;
}
const frozenSites = (fleet: SampleFleet) => fleet.view.frozen.map(({ site }) => site);

t.test('one site that goes away is frozen alone, even where it is most of the fleet', async (t) => {
  const fleet = sites('barn', 'home');
  for (let i = 0; i < 3; i++) fleet.addNode(`barn-more-${i}`, { site: 'barn' });
  fleet.online('barn-more-0', 'barn-more-1', 'barn-more-2');
  for (const { id, site } of fleet.view.nodes.values()) if (site === 'barn') fleet.will(id);
  t.same(paramsOf(fleet.tick().changes, 'moves-frozen'), [{ site: 'barn', away: 9, nodes: 9, seconds: 60 }]);
  t.same(frozenSites(fleet), ['barn'], '9 of 15 nodes, all in the barn');
  fleet.will('home-0');
  fleet.tick();
  t.same(frozenSites(fleet), ['barn'], 'a node of another site moves its agents');
});

t.test('the fleet goes away, comes back but for one site: that one stays frozen', async (t) => {
  const fleet = sites('barn', 'home', 'yard');
  for (const id of fleet.view.nodes.keys()) fleet.will(id);
  t.same(events(fleet.tick().changes), ['moves-frozen'], 'said once');
  t.same(frozenSites(fleet), [null]);
  fleet.pass(90_000);
  t.same(frozenSites(fleet), [null], 'longer than the window');
  for (const { id, site } of fleet.view.nodes.values()) {
    if (site === 'barn') continue;
    fleet.birth(id);
    fleet.hello(id);
  }
  const { changes } = fleet.tick();
  t.match(paramsOf(changes, 'moves-frozen'), [{ site: 'barn' }]);
  t.same(paramsOf(changes, 'moves-resumed'), [{ frozen: ['barn'] }]);
  t.same(frozenSites(fleet), ['barn']);
  t.equal(fleet.view.excused.size, 0, 'its nodes still count');
  for (let i = 0; i < 5; i++) fleet.birth(`barn-${i}`);
  t.same(events(fleet.tick().changes), ['moves-resumed']);
  t.same(frozenSites(fleet), []);
  t.same([...fleet.view.excused.keys()], ['barn-5'], 'who is still away then does not freeze it again');
});

t.test('nodes away here and there are the fleet', async (t) => {
  const fleet = sites('a', 'b', 'c');
  for (const site of ['a', 'b', 'c']) for (let i = 0; i < 4; i++) fleet.will(`${site}-${i}`);
  fleet.tick();
  t.same(frozenSites(fleet), [null]);
});

t.test('fleet/state every 9 s, however late the ticks are', async (t) => {
  const fleet = new SampleFleet();
  let count = 0;
  for (const ms of [250, 8_000, 900, 350, 8_999, 1, 4_000, 4_000, 4_000])
    count += said(fleet.tick(ms).messages, 'fleetState').length;
  t.equal(count, 4);
});

t.test('tokens go a day after they expired', async (t) => {
  const fleet = new SampleFleet();
  const row = {
    id: 'k',
    space: 'default',
    secretHash: 's',
    uses: 1,
    usesLeft: 0,
    class: null,
    site: 'home',
    labels: {},
    createdMs: 0,
    revoked: false,
  };
  fleet.apply([{ type: 'token', row: { ...row, expiresMs: startMs } }]);
  fleet.tick(86_400_000);
  t.equal(fleet.view.tokens.size, 1);
  fleet.tick(1);
  t.equal(fleet.view.tokens.size, 0);
});

t.test('a backoff that is over wakes the queue', async (t) => {
  const fleet = settled();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.report('t1', 'alice', 'failed', { problem: { code: 'internal', text: 'broke', retryable: true } });
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1, notBeforeMs: fleet.now + 1000 });
  fleet.tick(999);
  t.equal(fleet.task('t1')?.state, 'queued');
  fleet.tick(1);
  t.match(fleet.task('t1'), { state: 'leased', attempt: 2 });
  t.equal(fleet.view.tasksByWake.size, 0);
});
