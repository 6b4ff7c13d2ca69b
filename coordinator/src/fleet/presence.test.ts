import t from 'tap';
import { events, paramsOf, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1, boot2, sampleHealth, samplePolicy, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { acceptCapacity, acceptHealth, acceptInfo, acceptObserved } from './presence.ts';
import { started } from './tick.ts';

const health = (boot: string, generation = 0) => sampleHealth({ boot, generation });
const info = (boot: string, cores = 4) => ({
  boot,
  class: 'pi',
  hostname: 'alice',
  os: 'Debian',
  arch: 'arm64',
  cores,
  memoryBytes: 8e9,
  gpus: [],
  runtimes: [],
  notes: [],
  simulated: false,
});

t.test('births and wills', async (t) => {
  const fleet = new SampleFleet();
  fleet.addNode('alice');
  t.match(events(fleet.birth('alice').changes), ['node-online'], 'first birth');
  t.equal(fleet.node('alice').presence, 'online');
  t.same(events(fleet.birth('alice').changes), [], 'a birth said twice is nothing new');

  t.match(fleet.will('alice', boot2).remarks, [{ reason: 'old-boot' }], 'the will of another boot');
  t.equal(fleet.node('alice').presence, 'online', 'does not count');

  fleet.will('alice', boot1, 'power');
  t.match(fleet.node('alice'), { presence: 'suspect', presenceReason: 'power', presenceCause: 'broken' });
  fleet.birth('alice', boot2);
  t.match(fleet.node('alice'), { presence: 'online', boot: boot2 });
  fleet.will('alice', boot1);
  t.equal(fleet.node('alice').presence, 'online', 'an old will after a new birth changes nothing');

  const stop = fleet.will('alice', boot2, 'stopped');
  t.match(fleet.node('alice'), { presence: 'suspect', presenceReason: 'stopped', presenceCause: 'stopped' });
  t.match(stop.changes, [{}, { type: 'event', row: { severity: 'info' } }], 'a clean stop is no alarm');
  t.match(paramsOf(stop.changes, 'node-suspect'), [{ node: 'alice', cause: 'stopped' }]);

  t.match(said(fleet.birth('nobody').messages, 'farewell'), [{ message: { reason: 'forgotten' } }]);
});

t.test('words of an earlier boot are ignored, with a remark', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  const capacity = {
    boot: boot2,
    memoryTotalBytes: 1,
    memoryFreeBytes: 1,
    diskFreeBytes: 1,
    models: [],
    defaultChat: null,
    embedder: null,
  };
  const old = [
    fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message: health(boot2) }),
    fleet.decide<'node-capacity'>(acceptCapacity, { node: 'alice', message: capacity }),
    fleet.decide<'node-info'>(acceptInfo, { node: 'alice', message: info(boot2) }),
  ];
  for (const decision of old) {
    t.same(decision.changes, []);
    t.match(decision.remarks, [{ reason: 'old-boot' }]);
  }
  fleet.decide<'node-capacity'>(acceptCapacity, { node: 'alice', message: { ...capacity, boot: boot1 } });
  t.equal(fleet.view.live.get('alice')?.capacity?.boot, boot1);
});

t.test('inventory is stored only when it changed', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  t.equal(fleet.decide<'node-info'>(acceptInfo, { node: 'alice', message: info(boot1) }).changes.length, 1);
  t.equal(fleet.decide<'node-info'>(acceptInfo, { node: 'alice', message: info(boot1) }).changes.length, 0);
  fleet.birth('alice', boot2);
  t.equal(fleet.decide<'node-info'>(acceptInfo, { node: 'alice', message: info(boot2) }).changes.length, 0);
  t.equal(fleet.decide<'node-info'>(acceptInfo, { node: 'alice', message: info(boot2, 8) }).changes.length, 1);
});

t.test('a heartbeat brings a suspect back when it said hello in this boot', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.will('alice');
  fleet.submit('t1', 'greeter');
  t.equal(fleet.task('t1')?.state, 'queued', 'nothing is leased to a suspect');
  const generation = fleet.node('alice').generation;
  const back = fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message: health(boot1, generation) });
  t.equal(fleet.node('alice').presence, 'online');
  t.match(said(back.messages, 'task'), [{ message: { task: 't1', attempt: 1 } }], 'and it gets what waited');
  t.same(said(back.messages, 'snapshot'), [], 'its assignment is right');

  fleet.birth('alice', boot2);
  fleet.will('alice', boot2);
  fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message: health(boot2) });
  t.equal(fleet.node('alice').presence, 'suspect', 'this boot never said hello');
});

t.test('a heartbeat after a loss: an assignment that is behind is sent anew', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  fleet.will('alice');
  const back = fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message: health(boot1, 7) });
  t.match(said(back.messages, 'snapshot'), [{ message: { generation: 0, part: 1, parts: 1, agents: { length: 0 } } }]);
});

t.test('an agent that becomes ready gets work; one under a stale epoch does not', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  fleet.apply1('greeter');
  fleet.move(['greeter', 'alice']);
  fleet.submit('t1', 'greeter');
  const say = (epoch: number, state: 'ready' | 'failed', reason = 'no model') =>
    fleet.decide<'agent-observed'>(acceptObserved, {
      node: 'alice',
      message: { boot: boot1, agent: 'greeter', epoch, state, model: null, reason },
    });
  t.match(say(2, 'ready').remarks, [{ reason: 'stale-epoch' }]);
  t.equal(fleet.task('t1')?.state, 'queued');
  t.same(events(say(1, 'failed').changes), ['agent-failed']);
  t.same(events(say(1, 'failed').changes), [], 'the same failure is told once');
  t.same(paramsOf(say(1, 'failed', 'no memory').changes, 'agent-failed'), [
    { agent: 'greeter', node: 'alice', reason: 'no memory' },
  ]);
  say(1, 'ready');
  t.match(fleet.task('t1'), { state: 'leased', node: 'alice', attempt: 1, epoch: 1 });
});

t.test('a start: who was online is suspect, nobody is lost before the grace is over, no agent moves', async (t) => {
  const fleet = new SampleFleet();
  for (const id of ['a', 'b', 'c', 'd']) fleet.addNode(id, { presence: 'online', boot: boot1, presenceSinceMs: 0 });
  fleet.addNode('e', { presence: 'lost', boot: boot1, presenceSinceMs: 0 });
  const start = fleet.decide<'started'>(started, {});
  t.same(
    [...fleet.view.nodes.values()].map(({ presence }) => presence),
    ['suspect', 'suspect', 'suspect', 'suspect', 'lost'],
  );
  t.same(events(start.changes), ['coordinator-started'], 'one event, not one a node');
  t.match(said(start.messages, 'fleetState'), [{ message: { state: 'online', reconnectWindowMs: 10_000 } }]);

  fleet.pass(samplePolicy.restartGraceMs - 1000);
  t.equal(fleet.node('a').presence, 'suspect', 'well beyond lostAfterMs');
  t.same(fleet.view.frozen, [], 'waiting for the return is no blast');
  t.same(events(fleet.hello('a').changes), [], 'coming back after a start is no news');
  fleet.pass(2000);
  t.equal(fleet.node('a').presence, 'online');
  t.equal(fleet.node('b').presence, 'lost');
  t.match(fleet.view.frozen, [{ reason: /3 of 4 nodes/ }], 'but most of them never came: moves are frozen');
  t.ok(fleet.now > startMs);
});

t.test(
  'a node that stays behind its assignment while it is online is sent the snapshot, later and later',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.online('alice');
    fleet.apply1('greeter');
    fleet.move(['greeter', 'alice']);
    const { generation } = fleet.node('alice');
    t.equal(generation, 1);
    const beat = (afterMs: number, says: number) => {
      fleet.now += afterMs;
      return said(
        fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message: health(boot1, says) }).messages,
        'snapshot',
      );
    };
    t.same(beat(5_000, 0), [], 'the delta may be on its way');
    t.same(beat(5_000, 0), []);
    t.match(beat(5_000, 0), [
      { params: { node: 'alice' }, message: { generation, agents: [{ spec: { name: 'greeter' } }] } },
    ]);
    t.same(beat(10_000, 0), [], 'its disk may still be full: twice the time');
    t.equal(beat(10_000, 0).length, 1);
    let sent = 0;
    for (let i = 0; i < 720; i++) sent += beat(5_000, 0).length;
    t.ok(sent >= 12 && sent <= 16, `${sent} in an hour`);
    t.same(beat(5_000, generation), []);
    t.notOk(fleet.view.live.get('alice')?.behind);
    fleet.move(['greeter', null]);
    t.same(beat(5_000, generation), [], 'the next change has its own time');
    t.same(beat(5_000, fleet.node('alice').generation), []);
    t.same(beat(60_000, fleet.node('alice').generation), []);
  },
);

t.test('a node that keeps up, however often its assignment changes, is not sent it again', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('alice');
  for (let i = 0; i < 30; i++) {
    fleet.apply1(`a${i}`);
    fleet.move([`a${i}`, 'alice']);
    fleet.now += 5_000;
    const message = health(boot1, fleet.node('alice').generation - 1);
    t.same(said(fleet.decide<'node-health'>(acceptHealth, { node: 'alice', message }).messages, 'snapshot'), []);
  }
});

t.test('the class follows the hardware that is found, unless a person or money stands behind it', async (t) => {
  const tell = (fleet: SampleFleet, told: string) =>
    fleet.decide<'node-info'>(acceptInfo, { node: 'alice', message: { ...info(boot1), class: told } });
  const fleet = new SampleFleet();
  fleet.online('alice');
  const { changes } = tell(fleet, 'edge-gpu');
  t.match(changes, [
    { type: 'node', row: { class: 'edge-gpu', info: { class: 'edge-gpu' } } },
    { type: 'event', row: { type: 'node-class', text: /^alice is of class edge-gpu now, and was pi: / } },
  ]);
  t.same(tell(fleet, 'edge-gpu').changes, []);
  t.match(tell(fleet, 'cloud').changes, [{ row: { class: 'edge-gpu' } }], 'nobody becomes a paid one by saying so');
  for (const row of [{ class: 'cloud' }, { class: 'micro', classFixed: true as const }]) {
    const kept = new SampleFleet();
    kept.addNode('alice', row);
    kept.birth('alice');
    tell(kept, 'gpu');
    t.equal(kept.node('alice').class, row.class);
  }
});
