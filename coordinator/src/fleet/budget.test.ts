// One node that sends more than a fleet can store: its remaining budget, the events left out, the one event about that, and the events
// always kept.
import { type AgentObserved, commitPayload, type EventType, hashHeader, type NodeEvent } from '@blackroad/protocol';
import fc from 'fast-check';
import t from 'tap';
import { events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1, boot2 } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { decisions } from '../road/decisions.ts';
import type { Change } from '../state/change.ts';
import type { View } from '../state/view.ts';
import { leftOf, withinBudget } from './budget.ts';
import { nodeConditions } from './conditions.ts';

const seconds = 1_000;
const minutes = 60_000;

function fleetOfTwo(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.online('alice', 'mad');
  return fleet;
}
function tell(fleet: SampleFleet, node: string, over: Partial<NodeEvent> = {}): string[] {
  const message = {
    boot: boot1,
    atMs: fleet.now,
    type: 'model-pull-failed',
    severity: 'info',
    text: 'x',
    ...over,
  } as const;
  return events(fleet.decide<'node-event'>(decisions['node-event'], { node, message }).changes);
}
const conditions = (fleet: SampleFleet, node: string) => nodeConditions(fleet.view as View, node);

t.test('a budget fills with time, no further than full, and never by a clock that is set back', async (t) => {
  const budget = { burst: 100, perMinute: 20 };
  t.same(leftOf(undefined, budget, 5), { left: 100, atMs: 5, refused: 0 });
  const spent = { left: -10, atMs: 1_000 * seconds, refused: 7 };
  t.same(leftOf(spent, budget, 1_000 * seconds + 1 * minutes), { ...spent, left: 10, atMs: 1_060 * seconds });
  t.match(leftOf(spent, budget, 900 * seconds), { left: -10, refused: 7 });
  t.match(leftOf(spent, budget, 1_000 * seconds + 6 * minutes), { left: 100, refused: 0 }, 'full: it begins anew');
});

t.test(
  'events beyond the budget are left out, that is said once, counted, and over when the node was quiet',
  async (t) => {
    const fleet = fleetOfTwo();
    fleet.now += 10 * minutes;
    const said: string[] = [];
    for (let i = 0; i < 1_000; i++) said.push(...tell(fleet, 'mad'));
    t.equal(said.filter((type) => type === 'model-pull-failed').length, 100);
    t.equal(said.filter((type) => type === 'over-budget').length, 1);
    t.match(conditions(fleet, 'mad'), [
      {
        severity: 'warning',
        text: 'tells too many events: it tells more events than 100 at once and 20 a minute; 900 not kept',
      },
    ]);
    t.same(tell(fleet, 'alice'), ['model-pull-failed'], 'another node has its own budget');
    t.same(conditions(fleet, 'alice'), []);
    fleet.tick(1 * minutes);
    t.same(
      [...Array(21)].flatMap(() => tell(fleet, 'mad')),
      Array(20).fill('model-pull-failed'),
      'and not said again',
    );
    fleet.tick(4 * minutes);
    t.match(conditions(fleet, 'mad'), [{ text: /901 not kept/ }]);
    fleet.tick(1 * minutes);
    t.same(conditions(fleet, 'mad'), []);
    t.same(
      [...Array(102)].flatMap(() => tell(fleet, 'mad')).slice(-2),
      ['model-pull-failed', 'over-budget'],
      'a new time is said anew',
    );
  },
);

t.test('whatever way a node makes events, they are counted together', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'mad');
  fleet.now += 10 * minutes;
  let told = 0;
  for (let i = 0; i < 60; i++) {
    const failed: AgentObserved = {
      boot: boot1,
      agent: 'greeter',
      epoch: 1,
      state: 'failed',
      model: 'small',
      reason: `${i}`,
    };
    const observed = fleet.decide<'agent-observed'>(decisions['agent-observed'], { node: 'mad', message: failed });
    const away = { state: 'offline', boot: boot1 } as const;
    const gone = fleet.decide<'node-state'>(decisions['node-state'], { node: 'mad', message: away });
    const back = fleet.decide<'node-state'>(decisions['node-state'], {
      node: 'mad',
      message: { ...away, state: 'online' },
    });
    told += [observed, gone, back].flatMap(({ changes }) => events(changes)).length;
    t.equal(fleet.node('mad').presence, 'online', 'what they tell of is seen all the same');
  }
  t.equal(told, 101);
  t.match(fleet.view.observed.get('greeter'), { state: 'failed', reason: '59' });
});

function reportOwn(fleet: SampleFleet, task: string): { isSettled: boolean; events: string[] } {
  const local = { prompt: 'Look.', atMs: fleet.now };
  const message = { boot: boot1, task, attempt: 1, agent: 'greeter', epoch: 1, state: 'done', local } as const;
  const input = { node: 'mad', message: { ...message, result: 'x' }, ended: null };
  const { changes, messages } = fleet.decide<'task-report'>(decisions['task-report'], input);
  return { isSettled: said(messages, 'settled').length === 1, events: events(changes) };
}
t.test('tasks of its own beyond the budget are not settled, and taken when they come again', async (t) => {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'mad');
  const ids = [...Array(6_000)].map((_, i) => `t${i}`);
  const first = ids.map((id) => ({ id, ...reportOwn(fleet, id) }));
  const putOff = first.filter(({ isSettled }) => !isSettled).map(({ id }) => id);
  t.same(putOff, ids.slice(5_000));
  t.equal(fleet.ends.size, 5_000);
  t.equal(first.flatMap(({ events }) => events).filter((type) => type === 'records-delayed').length, 1, 'said once');
  t.match(conditions(fleet, 'mad'), [
    { text: /^brings too many records: it brings more tasks of its own .* the rest is stored later$/ },
  ]);
  t.ok(reportOwn(fleet, 't7').isSettled, 'what is known is settled whatever is left, so that the node can forget it');
  fleet.tick(1 * minutes);
  t.ok(putOff.every((id) => reportOwn(fleet, id).isSettled));
  t.equal(fleet.ends.size, 6_000, 'each has its end, once');
  fleet.tick(10 * minutes);
  t.same(conditions(fleet, 'mad'), []);
});

t.test('entries of a branch beyond the budget are turned down so that they come again', async (t) => {
  const fleet = new SampleFleet();
  fleet.online('mad');
  fleet.runs('greeter', 'mad');
  fleet.apply([{ type: 'spent', node: 'mad', of: 'records', spent: { left: 1, atMs: fleet.now, refused: 0 } }]);
  const payload = { text: 'x', tags: [], importance: 0.5, source: 'test', derivedFrom: [], embedding: null };
  const salt = '00'.repeat(16);
  const entryAfter = (seq: number, previousHash: string) => {
    const about = { agentId: 'greeter', epoch: 1, seq, actorId: 'agent:greeter', kind: 'note', createdAt: 1 } as const;
    const header = { ...about, payloadCommitment: commitPayload(salt, payload), previousHash };
    return { ...header, hash: hashHeader(header), salt, payload };
  };
  const one = entryAfter(1, 'genesis');
  const entries = [one, entryAfter(2, one.hash)];
  const third = entryAfter(3, entries[1]?.hash as string);
  const bring = (from: number, these: typeof entries, siblings: { id: string; hashes: typeof entries }[] = []) => {
    const previousHash = these[0]?.previousHash as string;
    const message = { type: 'branch', epoch: 1, from, previousHash, entries: these, last: from === 3 } as const;
    const input = { node: 'mad', agent: 'greeter', message, stored: [], missing: [], branch: null, siblings };
    const { messages } = fleet.decide<'memory-up'>(decisions['memory-up'], input);
    return said(messages, 'memoryDown').map(({ message }) => message);
  };
  t.match(bring(1, entries), [{ type: 'branch-ack', upto: 2 }], 'a message is taken whole, and makes a debt');
  const stored = [{ id: 'greeter.mad.1', hashes: entries }];
  t.match(bring(3, [third], stored), [{ type: 'nack', reason: 'gap' }]);
  t.match(bring(1, entries, stored), [{ type: 'branch-ack', upto: 2 }], 'what is known costs nothing');
  fleet.tick(5 * seconds);
  t.match(bring(3, [third], stored).at(-1), { type: 'branch-ack', upto: 3 });
});

t.test('a quarantine is told of a node that has nothing left', async (t) => {
  const fleet = fleetOfTwo();
  for (let i = 0; i < 200; i++) tell(fleet, 'mad');
  const hello = (boot: string) =>
    fleet.decide<'node-state'>(decisions['node-state'], { node: 'mad', message: { state: 'online', boot } });
  const said = [...Array(12)].flatMap((_, i) => events(hello(i % 2 ? boot1 : boot2).changes));
  t.equal(fleet.node('mad').status, 'quarantined');
  t.same(said, ['node-quarantined', 'node-lost']);
});

t.test('no change but an event of the very node is ever left out', async () => {
  const own = fc.constantFrom<EventType>('model-pull-failed', 'agent-failed', 'memory-fork', 'node-online');
  const kept = fc.constantFrom<EventType>('node-quarantined', 'node-lost', 'over-budget');
  const event = (node: string | null, type: EventType): Change => ({
    type: 'event',
    row: { atMs: 0, node, agent: null, type, severity: 'info', text: '', params: {} },
  });
  const change = fc.oneof(
    own.map((type) => event('mad', type)),
    kept.map((type) => event('mad', type)),
    fc.tuple(fc.constantFrom('alice', null), own).map(([node, type]) => event(node, type)),
    fc.integer().map((n): Change => ({ type: 'acknowledged-gone', alert: `a${n}` })),
  );
  const isCounted = (each: Change) =>
    each.type === 'event' && each.row.node === 'mad' && !/quarantined|lost|over/.test(each.row.type);
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), fc.integer({ min: -3, max: 40 }), (changes, left) => {
      const fleet = fleetOfTwo();
      fleet.apply([{ type: 'spent', node: 'mad', of: 'events', spent: { left, atMs: fleet.now, refused: 0 } }]);
      const outcome = withinBudget(fleet.view as View, 'mad', changes, fleet.now);
      const counted = changes.filter(isCounted);
      const passed = new Set(counted.slice(0, Math.max(0, left)));
      const leftOut = changes.filter((each) => !outcome.changes.includes(each));
      fleet.apply(outcome.changes);
      const rest = fleet.view.live.get('mad')?.spent?.events?.left;
      return (
        leftOut.every((each) => isCounted(each) && !passed.has(each)) &&
        leftOut.length === counted.length - passed.size &&
        outcome.dropped === leftOut.length &&
        rest === left - passed.size
      );
    }),
  );
});
