import { maxAssignmentBytes } from '@blackroad/protocol';
import t from 'tap';
import { audits, code, events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, sampleSpec } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { removeAgent } from './agents.ts';
import { forgetNode } from './nodes.ts';
import { acceptObserved } from './presence.ts';
import { longestQuietMs } from './quiet.ts';

t.test('placing: a new epoch, the base of its memory, one step and one delta a node', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice', 'bob');
  for (const name of ['a1', 'a2', 'a3']) fleet.apply1(name);
  fleet.view.heads.set('a2', { epoch: 1, seq: 7, hash: 'f'.repeat(64), entries: 7 });
  const placed = fleet.move(['a1', 'alice'], ['a2', 'alice'], ['a3', 'bob'], ['a9', 'bob']);
  const deltas = said(placed.messages, 'assign');
  t.match(deltas, [
    { params: { node: 'alice' }, message: { from: 0, to: 1, remove: { length: 0 } } },
    { params: { node: 'bob' }, message: { from: 0, to: 1 } },
  ]);
  t.match(deltas[0]?.message.put, [
    { spec: { name: 'a1' }, version: 1, epoch: 1, memory: { baseSeq: 0, baseHash: 'genesis', from: null } },
    { spec: { name: 'a2' }, epoch: 1, memory: { baseSeq: 7, baseHash: 'f'.repeat(64) } },
  ]);
  t.same(events(placed.changes), ['agent-placed', 'agent-placed', 'agent-placed']);
  t.same([...(fleet.view.agentsByNode.get('alice') ?? [])], ['a1', 'a2']);

  const moved = fleet.move(['a1', 'bob'], ['a2', 'alice']);
  t.match(said(moved.messages, 'assign'), [
    { params: { node: 'alice' }, message: { from: 1, to: 2, put: { length: 0 }, remove: [{ agent: 'a1', epoch: 1 }] } },
    { params: { node: 'bob' }, message: { from: 1, to: 2, put: [{ epoch: 2, memory: { from: 'alice' } }] } },
  ]);
  t.equal(fleet.agent('a2').epoch, 1, 'where it is already: no move');
  t.same(fleet.move(['a2', 'alice'], ['a1', 'nowhere']), { changes: [], messages: [] });
});

t.test('taking off, and saying why', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const off = fleet.move(['greeter', null]);
  t.match(said(off.messages, 'assign'), [{ message: { from: 1, to: 2, remove: [{ agent: 'greeter', epoch: 1 }] } }]);
  t.match(fleet.agent('greeter'), { placement: null, epoch: 1 });
  t.same(fleet.move(['greeter', null]).changes, [], 'nothing new');
  fleet.move(['greeter', 'alice']);
  t.equal(fleet.agent('greeter').placement?.epoch, 2, 'back on the same node is a new placement');
});

t.test('a move takes the leases along: the attempt does not count, the old node is told', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('bob');
  fleet.runs('greeter', 'alice', { concurrency: 2 });
  fleet.submit('t1', 'greeter');
  fleet.submit('t2', 'greeter', { attempts: 1 });
  const moved = fleet.move(['greeter', 'bob']);
  t.same(
    said(moved.messages, 'cancel').map(({ params, message }) => [params.node, message.task, message.attempt]),
    [
      ['alice', 't1', 1],
      ['alice', 't2', 1],
    ],
  );
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1, attempts: 4 });
  t.match(fleet.task('t2'), { state: 'queued', attempt: 1, attempts: 2 }, 'no task is to blame for a move');
  fleet.ready('greeter');
  t.match(fleet.task('t1'), { state: 'leased', attempt: 2, node: 'bob', epoch: 2 });
});

t.test('large deltas are cut, each a step of its own', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('box');
  const names = Array.from({ length: 30 }, (_, i) => `a${i}`);
  for (const name of names) fleet.apply1(name, { instructions: 'ä'.repeat(8000) });
  const deltas = said(fleet.move(...names.map((name): [string, string] => [name, 'box'])).messages, 'assign');
  t.ok(deltas.length > 3);
  for (const [i, { message }] of deltas.entries()) {
    t.match(message, { from: i, to: i + 1 });
    t.ok(Buffer.byteLength(JSON.stringify(message)) <= maxAssignmentBytes);
  }
  t.equal(fleet.node('box').generation, deltas.length);
});

t.test('apply: a version for every change, told to its node under the same epoch', async (t) => {
  const fleet = new SampleFleet();
  t.match(fleet.apply1('greeter').outcome, { value: { version: 1, created: true, changed: true } });
  t.match(fleet.apply1('greeter'), {
    changes: { length: 0 },
    outcome: { value: { version: 1, created: false, changed: false } },
  });
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.submit('t2', 'greeter');
  const second = fleet.apply1('greeter', { instructions: 'Be brief.', concurrency: 2 });
  t.match(second.outcome, { value: { version: 2, changed: true } });
  t.same(audits(second.changes), ['agent-change']);
  t.match(said(second.messages, 'assign'), [
    { message: { from: 1, to: 2, put: [{ version: 2, epoch: 1, spec: { instructions: 'Be brief.' } }] } },
  ]);
  t.match(said(second.messages, 'task'), [{ message: { task: 't2' } }], 'more at once: at once');
  const trigger = { cron: '* * * * *', prompt: 'x'.repeat(32_000) };
  const large = fleet.apply1('greeter', { triggers: Array.from({ length: 5 }, () => trigger) });
  t.match(large.outcome, { code: 'too-large', details: { detail: /shorten/ } }, 'what no message can carry');
});

t.test('a node is sent the triggers that it runs', async (t) => {
  const triggers = [
    { cron: '0 8 * * *', prompt: 'x' },
    { topic: 'hall/motion', prompt: 'x' },
    { webhook: 'doorbell', prompt: 'x' },
    { event: 'node-lost', prompt: 'x' },
    { pin: 'motion', edge: 'rising' as const, prompt: 'x' },
  ];
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  const sent = () => said(fleet.apply1('greeter', { triggers, description: `${fleet.now++}` }).messages, 'assign');
  t.same(sent()[0]?.message.put[0]?.spec.triggers, [triggers[0]], 'an older one, which would refuse the others');
  const live = fleet.view.live.get('alice');
  if (live) live.can = { ...live.can, pins: true };
  t.same(sent()[0]?.message.put[0]?.spec.triggers, [triggers[0], triggers[4]]);
  t.same(fleet.agent('greeter').spec.triggers, triggers, 'the coordinator keeps them all');
});

t.test('apply: a node that obviously no longer fits is left', async (t) => {
  const placement = sampleSpec('x').placement;
  const table: [string, Parameters<SampleFleet['apply1']>[1], boolean][] = [
    ['other nodes', { placement: { ...placement, nodes: ['bob'] } }, false],
    ['its node', { placement: { ...placement, nodes: ['alice', 'bob'] } }, true],
    ['other class', { placement: { ...placement, class: ['gpu'] } }, false],
    ['its class', { placement: { ...placement, class: ['gpu', 'pi'] } }, true],
    ['other site', { placement: { ...placement, site: ['barn'] } }, false],
    ['a label it lacks', { placement: { ...placement, labels: { room: 'kitchen' } } }, false],
    ['other models', { model: ['big'] }, false],
    ['its model too', { model: ['big', 'small'] }, true],
    ['not on a node with one of these', { placement: { ...placement, avoidAgents: ['other'] } }, true],
  ];
  for (const [name, over, stays] of table) {
    const fleet = new SampleFleet();
    fleet.runs('greeter', 'alice');
    fleet.submit('t1', 'greeter');
    fleet.apply1('greeter', over);
    t.equal(fleet.agent('greeter').placement !== null, stays, name);
    t.equal(fleet.task('t1')?.state, stays ? 'leased' : 'queued', name);
    if (!stays) t.match(fleet.agent('greeter').unplaced?.text, /^Its spec changed: /, name);
    t.equal(fleet.node('alice').generation, 2);
  }
});

t.test('remove: its work is cancelled; a new one of the same name goes on counting', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.submit('t2', 'greeter');
  const remove = () => fleet.decide<'agent-remove'>(removeAgent, { by: ada, agent: 'greeter' });
  const removed = remove();
  t.match(said(removed.messages, 'assign'), [{ message: { remove: [{ agent: 'greeter', epoch: 1 }] } }]);
  t.match(said(removed.messages, 'cancel'), [{ message: { task: 't1' } }]);
  t.same([...fleet.ends.keys()].sort(), ['t1', 't2']);
  t.equal(fleet.view.work.size, 0);
  t.equal(code(remove()), 'no-such-agent');
  t.match(fleet.apply1('greeter').outcome, { value: { version: 2, created: true } });
  fleet.move(['greeter', 'alice']);
  t.equal(fleet.agent('greeter').placement?.epoch, 2);
});

t.test('forget: its agents are nowhere, its leases go back', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  const forgotten = fleet.decide<'node-forget'>(forgetNode, { by: ada, node: 'alice' });
  t.match(said(forgotten.messages, 'farewell'), [{ params: { node: 'alice' }, message: { reason: 'forgotten' } }]);
  t.match(fleet.agent('greeter'), { placement: null, unplaced: { text: 'Its node was forgotten.' } });
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1 });
  t.equal(fleet.view.nodes.size + fleet.view.agentsByNode.size + fleet.view.leasesByNode.size, 0);
  t.equal(fleet.view.nodesByHardware.size, 0);
  t.equal(code(fleet.decide<'node-forget'>(forgetNode, { by: ada, node: 'alice' })), 'no-such-node');
});

t.test(
  'who comes from another node keeps its hands still until that one has surely let go [INV-one-hand]',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.online('alice', 'bob', 'carol');
    const quiet = (made: { messages: Parameters<typeof said>[0] }) =>
      said(made.messages, 'assign').flatMap(({ message }) => message.put.map(({ quietMs }) => quietMs ?? 0));
    for (const node of ['alice', 'bob', 'carol']) fleet.hello(node, { boot: `boot-of-${node}` });
    const stops = (node: string, epoch: number) =>
      fleet.decide<'agent-observed'>(acceptObserved, {
        node,
        message: { boot: fleet.node(node).boot, agent: 'greeter', epoch, state: 'stopped', model: null },
      });
    fleet.apply1('greeter');
    t.same(quiet(fleet.move(['greeter', 'alice'])), [0], 'from nowhere');
    t.same(quiet(fleet.move(['greeter', 'bob'])), [longestQuietMs]);
    fleet.now += 10_000;
    t.match(said(fleet.hello('bob', { generation: 0 }).messages, 'snapshot'), [
      { message: { agents: [{ quietMs: longestQuietMs - 10_000 }] } },
    ]);
    t.same(stops('carol', 1).messages, [], 'not hers to say');
    t.same(stops('alice', 7).messages, [], 'another epoch');
    fleet.birth('alice', 'boot-of-a-copied-card');
    t.same(stops('alice', 1).messages, [], 'a process that was not proven to be on her machine');
    fleet.hello('alice', { boot: 'boot-of-alice' });
    const free = stops('alice', 1);
    t.match(said(free.messages, 'assign'), [
      { params: { node: 'bob' }, message: { from: 1, to: 2, put: [{ epoch: 2 }], remove: { length: 0 } } },
    ]);
    t.same(quiet(free), [0], 'told that it may');
    t.same(stops('alice', 1).messages, [], 'once');

    fleet.move(['greeter', 'carol']);
    fleet.now += 20_000;
    t.same(quiet(fleet.move(['greeter', 'alice'])), [longestQuietMs], 'carol as long as she may');
    t.same(stops('carol', 3).messages, [], 'bob has not said so: one word does not end it');
    fleet.now += longestQuietMs;
    t.same(quiet(fleet.move(['greeter', null], ['greeter', 'alice'])), [longestQuietMs], 'it has no node between');
    fleet.now += longestQuietMs;
    fleet.decide<'agent-remove'>(removeAgent, { by: ada, agent: 'greeter' });
    fleet.now += 5_000;
    fleet.apply1('greeter');
    t.same(quiet(fleet.move(['greeter', 'bob'])), [longestQuietMs - 5_000], 'removed and applied again');
  },
);

t.test(
  'tools of MCP servers are kept from a node that does not know them: it would refuse all of its agents',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.online('older', 'newer');
    fleet.hello('older', {});
    fleet.hello('newer', { mcp: true });
    const tools = [{ tool: 'memory' as const }, { tool: 'mcp' as const, server: 'home', tools: ['*'] }];
    fleet.apply1('porter', { tools });
    const toolsAt = (node: string) =>
      said(fleet.move(['porter', node]).messages, 'assign').flatMap(({ message }) =>
        message.put.flatMap(({ spec }) => spec.tools.map(({ tool }) => tool)),
      );
    t.same(toolsAt('older'), ['memory']);
    t.same(toolsAt('newer'), ['memory', 'mcp']);
  },
);
t.test(
  'tools and triggers of pins are kept from a node that does not know them: it would refuse all of its agents',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.online('older', 'newer');
    fleet.hello('older', { mcp: true });
    fleet.hello('newer', { mcp: true, pins: true });
    const tools = [
      { tool: 'memory' as const },
      { tool: 'gpio' as const, pins: ['lamp'] },
      { tool: 'sensor' as const, sensors: ['attic'] },
      { tool: 'camera' as const },
    ];
    const triggers = [
      { cron: '0 7 * * *', prompt: 'Morning.' },
      { pin: 'motion', edge: 'rising' as const, prompt: 'Look.' },
    ];
    fleet.apply1('porter', { tools, triggers });
    const specAt = (node: string) =>
      said(fleet.move(['porter', node]).messages, 'assign').flatMap(({ message }) =>
        message.put.map(({ spec }) => spec),
      );
    t.match(specAt('older'), [{ tools: [{ tool: 'memory' }], triggers: [{ cron: '0 7 * * *' }] }]);
    t.same(
      specAt('newer').map(({ tools, triggers }) => [tools.length, triggers.length]),
      [[4, 2]],
    );
  },
);
