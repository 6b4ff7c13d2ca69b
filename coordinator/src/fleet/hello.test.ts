import t from 'tap';
import { events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, boot2, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { showNode } from '../live/show.ts';
import type { View } from '../state/view.ts';
import { acceptEvent } from './node-events.ts';
import { releaseNode } from './nodes.ts';
import { licenceMs } from './quiet.ts';

t.test('who may say hello', async (t) => {
  const fleet = new SampleFleet();
  t.match(said(fleet.hello('nobody').messages, 'farewell'), [
    { params: { node: 'nobody' }, message: { reason: 'forgotten' } },
  ]);
  fleet.addNode('bad', { status: 'quarantined', quarantineReason: 'a clone' });
  t.match(said(fleet.hello('bad').messages, 'farewell'), [{ message: { reason: 'quarantined', text: 'a clone' } }]);
  t.equal(fleet.node('bad').presence, 'never');
});

t.test('the version of a node-agent is known from its hello on', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('alice');
  t.equal(showNode(fleet.view as View, 'alice')?.version, null);
  fleet.hello('alice', { version: '0.2.0' });
  t.equal(showNode(fleet.view as View, 'alice')?.version, '0.2.0');
  fleet.tick();
  t.equal(showNode(fleet.view as View, 'alice')?.version, '0.2.0');
});

t.test('the address of a machine is that of its last hello', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('alice');
  const address = () => showNode(fleet.view as View, 'alice')?.address;
  t.equal(address(), null);
  fleet.hello('alice', { address: '192.168.1.7' });
  fleet.tick();
  t.equal(address(), '192.168.1.7');
  fleet.hello('alice', { address: 'fd00::7' });
  t.equal(address(), 'fd00::7');
  fleet.hello('alice');
  t.equal(address(), null, 'an older node-agent tells none');
});

t.test('the welcome says in which time zone triggers are meant that name none', async (t) => {
  const fleet = new SampleFleet();
  fleet.policy = { ...fleet.policy, timeZone: 'Asia/Kolkata' };
  fleet.online('alice');
  t.match(said(fleet.hello('alice').messages, 'welcome'), [{ message: { timeZone: 'Asia/Kolkata' } }]);
});

t.test('the welcome says how often to speak: the whole fleet stays below a rate', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('alice');
  t.match(said(fleet.hello('alice').messages, 'welcome'), [
    { message: { heartbeatMs: 5000, leaseMs: licenceMs, coordinator: 'coord-0001', generation: 0 } },
  ]);
  for (let i = 0; i < 1999; i++) fleet.addNode(`n${i}`);
  t.match(said(fleet.hello('n1').messages, 'welcome'), [{ message: { heartbeatMs: 10_000 } }]);
  const told = said(fleet.tick().messages, 'welcome');
  t.match(told, [{ params: { node: 'alice' }, message: { heartbeatMs: 10_000 } }], 'and those told less are told anew');
  t.same(said(fleet.tick().messages, 'welcome'), [], 'once');
});

t.test('another machine under the same identity: quarantined, its work goes back', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  const hello = fleet.hello('alice', { hardware: 'hw-copy' });
  t.match(fleet.node('alice'), { status: 'quarantined', presence: 'lost', quarantineReason: /hardware differs/ });
  t.match(said(hello.messages, 'farewell'), [{ message: { reason: 'quarantined' } }]);
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1, node: null });
  t.same(events(hello.changes), ['node-quarantined', 'node-lost']);
  t.match(said(fleet.hello('alice').messages, 'farewell'), [{}], 'the original is shut out as well');

  fleet.decide<'node-release'>(releaseNode, { by: ada, node: 'alice' });
  fleet.hello('alice', { hardware: 'hw-new' });
  t.match(
    fleet.node('alice'),
    { status: 'active', presence: 'online', hardware: 'hw-new' },
    'what it says next is trusted',
  );
  t.equal(fleet.view.nodesByHardware.get('hw-new'), 'alice');
  fleet.addNode('bob');
  fleet.hello('bob', { hardware: 'hw-new' });
  t.equal(fleet.node('bob').status, 'quarantined');
});

t.test('after a release one machine is trusted, also where its node-agent is too old to name it', async (t) => {
  const fleet = new SampleFleet();
  for (const [node, machine] of [['named', { machine: 'm-1' }] as const, ['older', {}] as const]) {
    fleet.addNode(node, machine);
    fleet.hello(node, { hardware: `hw-copy-of-${node}`, machine: 'm-2' });
    fleet.hello(node, { hardware: `hw-third-${node}`, machine: 'm-3' });
    t.equal(fleet.node(node).status, 'quarantined');
    fleet.decide<'node-release'>(releaseNode, { by: ada, node });
    fleet.hello(node, { hardware: `hw-copy-of-${node}` });
    t.match(fleet.node(node), { status: 'active', hardware: `hw-copy-of-${node}` }, 'the one that spoke first');
    fleet.hello(node, { hardware: `hw-${node}`, machine: 'm-1' });
    t.equal(fleet.node(node).status, 'quarantined', 'the other one, which names its machine');
  }
  fleet.addNode('updated');
  fleet.hello('updated', { hardware: 'hw-other' });
  fleet.decide<'node-release'>(releaseNode, { by: ada, node: 'updated' });
  fleet.hello('updated', { hardware: 'hw-new' });
  fleet.hello('updated', { hardware: 'hw-new', machine: 'm-4' });
  t.match(fleet.node('updated'), { status: 'active', machine: 'm-4' }, 'the same machine, updated');
});

t.test('the same machine with another address under its own key is the same node', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('wsl', { machine: 'm-1' });
  fleet.hello('wsl', { hardware: 'hw-tuesday', machine: 'm-1' });
  t.match(fleet.node('wsl'), { status: 'active', presence: 'online', hardware: 'hw-tuesday', machine: 'm-1' });
  t.equal(fleet.view.nodesByHardware.get('hw-tuesday'), 'wsl');
  fleet.hello('wsl', { hardware: 'hw-copy', machine: 'm-2' });
  t.match(fleet.node('wsl'), { status: 'quarantined', quarantineReason: /another machine speaks under its identity/ });

  fleet.addNode('older');
  fleet.hello('older', { machine: 'm-3' });
  t.match(fleet.node('older'), { status: 'active', hardware: 'hw-older', machine: 'm-3' }, 'learned after an update');
  fleet.hello('older', { hardware: 'hw-other' });
  t.equal(fleet.node('older').status, 'quarantined', 'an older node-agent is judged as before');

  fleet.addNode('updated');
  fleet.hello('updated', { hardware: 'hw-restarted', machine: 'm-4' });
  t.match(
    fleet.node('updated'),
    { status: 'active', hardware: 'hw-restarted', machine: 'm-4' },
    'its address changed too',
  );
  fleet.hello('updated', { hardware: 'hw-card', machine: 'm-5' });
  t.equal(fleet.node('updated').status, 'quarantined', 'learned once');

  fleet.addNode('copied');
  fleet.hello('copied', { hardware: 'hw-restarted', machine: 'm-4' });
  t.match(
    fleet.node('copied'),
    { quarantineReason: /enrolled as updated already/ },
    'never the machine of another node',
  );
});

t.test('the assignment: nothing when it fits, all of it when not', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  t.same(said(fleet.hello('alice').messages, 'snapshot'), []);
  const [snapshot] = said(fleet.hello('alice', { generation: 0 }).messages, 'snapshot');
  t.match(snapshot?.message, { generation: 1, part: 1, parts: 1, agents: [{ epoch: 1, model: 'small' }] });
  t.equal(snapshot?.message.agents[0]?.spec.name, 'greeter');

  const ahead = fleet.hello('alice', { generation: 9 });
  t.equal(fleet.node('alice').generation, 10, 'our data is older than the node: past it');
  t.match(said(ahead.messages, 'snapshot'), [{ message: { generation: 10 } }]);
  t.match(said(ahead.messages, 'welcome'), [{ message: { generation: 10 } }]);

  const gap = (boot: string) =>
    fleet.decide<'node-event'>(acceptEvent, {
      node: 'alice',
      message: { boot, atMs: 1, type: 'assignment-gap', severity: 'info', text: 'gap', data: { have: 3 } },
    });
  t.match(said(gap(fleet.node('alice').boot).messages, 'snapshot'), [{ message: { generation: 10 } }]);
  t.same(gap(boot2).messages, []);
});

t.test('a large snapshot comes in parts that fit a message', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('box');
  for (let i = 0; i < 40; i++) fleet.apply1(`a${i}`, { instructions: 'x'.repeat(10_000) });
  fleet.move(...Array.from({ length: 40 }, (_, i): [string, string] => [`a${i}`, 'box']));
  const parts = said(fleet.hello('box', { generation: 0 }).messages, 'snapshot').map(({ message }) => message);
  t.ok(parts.length > 3);
  const generation = fleet.node('box').generation;
  const names = new Set<string>();
  for (const [i, part] of parts.entries()) {
    t.ok(Buffer.byteLength(JSON.stringify(part)) <= 128 * 1024);
    t.match(part, { generation, part: i + 1, parts: parts.length });
    for (const { spec } of part.agents) names.add(spec.name);
  }
  t.equal(names.size, 40);
});

t.test('leases are matched with what the node holds', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { concurrency: 4 });
  for (const id of ['held', 'lost', 'other']) fleet.submit(id, 'greeter');
  fleet.submit('ended', 'greeter');
  fleet.report('ended', 'alice', 'done');
  fleet.now += 5000;
  const hello = fleet.hello('alice', {
    upMs: 60_000,
    held: [
      { task: 'held', attempt: 1 },
      { task: 'other', attempt: 7 },
      { task: 'ended', attempt: 1 },
      { task: 'cron-of-its-own', attempt: 1 },
    ],
  });
  t.same(
    said(hello.messages, 'task').map(({ message }) => [message.task, message.attempt]),
    [
      ['lost', 1],
      ['other', 1],
    ],
    'what it should hold and does not is sent again, as the same attempt',
  );
  t.equal(said(hello.messages, 'task')[0]?.message.leftMs, 595_000);
  t.same(
    said(hello.messages, 'cancel').map(({ message }) => [message.task, message.attempt]),
    [
      ['other', 7],
      ['ended', 1],
    ],
    'what is not its own is stopped; what nobody here knows is left alone',
  );
});

t.test('no lease without a hello, whatever else the node says', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('alice');
  fleet.birth('alice');
  fleet.apply1('greeter');
  fleet.move(['greeter', 'alice']);
  fleet.ready('greeter');
  fleet.submit('t1', 'greeter');
  t.equal(fleet.task('t1')?.state, 'queued');
  fleet.hello('alice');
  t.equal(fleet.task('t1')?.state, 'leased');
});

t.test('a lease older than the process died with it: the attempt counts', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice', { concurrency: 2 });
  fleet.submit('again', 'greeter');
  fleet.submit('once', 'greeter', { attempts: 1 });
  fleet.now += 10_000;
  fleet.birth('alice', boot2);
  const hello = fleet.hello('alice', { boot: boot2, upMs: 2000 });
  t.same(said(hello.messages, 'task'), []);
  t.match(fleet.task('again'), { state: 'queued', attempt: 1 });
  t.same([...fleet.ends], [['once', 1]], 'its only attempt is gone');
  fleet.ready('greeter');
  t.match(fleet.task('again'), { state: 'leased', attempt: 2 });
});

t.test('given up for lost, but still at it and nobody else has begun: it goes on', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.will('alice');
  fleet.pass(100_000);
  t.equal(fleet.node('alice').presence, 'lost');
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1 });
  fleet.birth('alice');
  const hello = fleet.hello('alice', { upMs: fleet.now - startMs + 1, held: [{ task: 't1', attempt: 1 }] });
  t.match(fleet.task('t1'), { state: 'leased', attempt: 1, node: 'alice' });
  t.same(said(hello.messages, 'cancel'), []);

  fleet.will('alice');
  fleet.pass(100_000);
  fleet.online('bob');
  fleet.move(['greeter', 'bob']);
  fleet.birth('alice');
  const late = fleet.hello('alice', { upMs: fleet.now - startMs + 1, held: [{ task: 't1', attempt: 1 }] });
  t.match(said(late.messages, 'cancel'), [{ message: { task: 't1', attempt: 1 } }], 'the agent has moved: it stops');
});

t.test(
  'given up for lost, and stopped before its hello was heard: it is not leased as if it ran (seed 301807)',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.runs('greeter', 'alice');
    fleet.submit('t1', 'greeter');
    fleet.will('alice');
    fleet.pass(100_000);
    fleet.birth('alice');
    // A coordinator that was restarted leases nothing to a node before its hello.
    fleet.view.live.set('alice', { lastSeenMs: null, capacity: null, health: null, helloBoot: null, signs: [] });
    // The end of the attempt, which is settled, and a hello that the node wrote before it got the confirmation.
    fleet.report('t1', 'alice', 'cancelled', { attempt: 1, epoch: 1 });
    fleet.hello('alice', { upMs: fleet.now - startMs + 1, held: [{ task: 't1', attempt: 1 }] });
    t.match(fleet.task('t1'), { state: 'leased', attempt: 2, node: 'alice' });
  },
);

t.test('nothing is leased behind its deadline, also not to who held it all along (seed 21884)', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter', { deadlineSeconds: 200 });
  fleet.will('alice');
  fleet.pass(100_000);
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1 });
  // No tick came, because the coordinator was stopped for the rest of the time.
  fleet.now += 100_001;
  fleet.birth('alice');
  const hello = fleet.hello('alice', { upMs: fleet.now - startMs + 1, held: [{ task: 't1', attempt: 1 }] });
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1 });
  t.match(said(hello.messages, 'cancel'), [{ message: { task: 't1', attempt: 1 } }]);
});

t.test('an attempt that its node called over is over, though the node has not heard so', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  const problem = { code: 'runtime-unavailable', text: 'gone', retryable: true };
  fleet.report('t1', 'alice', 'failed', { problem });
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1 });
  const hello = fleet.hello('alice', { held: [{ task: 't1', attempt: 1 }], upMs: 60_000 });
  t.match(fleet.task('t1'), { state: 'queued', attempt: 1 }, 'it is not leased again as the same attempt');
  t.match(said(hello.messages, 'cancel'), [{ message: { task: 't1', attempt: 1 } }]);
});
