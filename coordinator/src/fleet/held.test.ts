// A node with a valid certificate that sends ids of others: every id in its messages is checked, and each refusal is reported.
import { type AgentObserved, commitPayload, hashHeader, type MemoryEntry } from '@blackroad/protocol';
import t from 'tap';
import { events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1, sampleNode } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { decisions } from '../road/decisions.ts';
import type { Given, InputKind } from '../state/input.ts';
import type { View } from '../state/view.ts';
import { nodeConditions } from './conditions.ts';

/** The agent greeter was on alice (epoch 1), and is on bob now (epoch 2); eve never held it. */
function fleetOfThree(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.online('bob', 'eve');
  fleet.runs('greeter', 'alice');
  fleet.move(['greeter', 'bob']);
  return fleet;
}
/** Decides through the table of decisions, like the loop. */
function decide<K extends InputKind>(fleet: SampleFleet, kind: K, input: Given<K>) {
  return fleet.decide<K>(decisions[kind], input);
}
function entry(epoch: number, over: Partial<MemoryEntry> = {}, importance = 0.5): MemoryEntry {
  const payload = { text: 'It is red.', tags: [], importance, source: 'user:ada', derivedFrom: [], embedding: null };
  const salt = '00'.repeat(16);
  const header = {
    agentId: 'greeter',
    epoch,
    seq: 1,
    actorId: 'agent:greeter',
    kind: 'turn',
    createdAt: 1,
    payloadCommitment: commitPayload(salt, payload),
    previousHash: 'genesis',
    ...over,
  };
  return { ...header, hash: hashHeader(header), salt, payload };
}
function memory(fleet: SampleFleet, node: string, type: 'branch' | 'batch', of: MemoryEntry) {
  const message = { epoch: of.epoch, from: 1, previousHash: 'genesis', entries: [of] };
  return decide(fleet, 'memory-up', {
    node,
    agent: 'greeter',
    message: type === 'batch' ? { type, ...message } : { type, ...message, last: true },
    stored: [],
    missing: [],
    branch: null,
  });
}

t.test('a branch is taken from the node that held the agent under that epoch, and from no other', async (t) => {
  for (const [node, epoch] of [
    ['eve', 1],
    ['eve', 2],
    ['alice', 2],
    ['alice', 9],
    ['bob', 1],
  ] as const) {
    const fleet = fleetOfThree();
    const refused = memory(fleet, node, 'branch', entry(epoch));
    t.notOk(
      refused.changes.some(({ type }) => type === 'branch'),
      `${node} under ${epoch}`,
    );
    t.equal(fleet.view.branches.size, 0);
    t.match(said(refused.messages, 'memoryDown'), [{ params: { node }, message: { type: 'nack' } }]);
    t.match(refused.remarks, [{ reason: 'not-its-own' }]);
  }
  const fleet = fleetOfThree();
  memory(fleet, 'alice', 'branch', entry(1));
  t.same([...fleet.view.branches.keys()], ['greeter.alice.1']);
});

t.test('a machine that took the name of a forgotten node did not hold what that one held', async (t) => {
  const fleet = fleetOfThree();
  fleet.apply([{ type: 'node-gone', id: 'alice' }]);
  fleet.apply([{ type: 'node', row: sampleNode('alice', { enrolledMs: fleet.now + 1 }) }]);
  memory(fleet, 'alice', 'branch', entry(1));
  t.equal(fleet.view.branches.size, 0);
});

t.test('what is brought in names its node, and weighs no more than a node can give', async (t) => {
  const fleet = fleetOfThree();
  const { messages } = memory(fleet, 'alice', 'branch', entry(1, { actorId: 'user:admin' }, 1));
  const [merge] = said(messages, 'memoryDown').filter(({ message }) => message.type === 'merge');
  t.match(merge, {
    params: { node: 'bob' },
    message: { from: 'alice', entries: [{ actorId: 'node:alice', payload: { importance: 0.9 } }] },
  });
});

t.test('the writer names no author that did not write', async (t) => {
  for (const [actorId, isTaken] of [
    ['agent:greeter', true],
    ['node:bob', true],
    ['node:alice', false],
    ['agent:prism', false],
    ['user:admin', false],
  ] as const) {
    const fleet = fleetOfThree();
    const { changes } = memory(fleet, 'bob', 'batch', entry(2, { actorId }));
    t.equal(
      changes.some(({ type }) => type === 'memory'),
      isTaken,
      actorId,
    );
  }
  const merged = (actorId: string) =>
    memory(fleetOfThree(), 'bob', 'batch', entry(2, { kind: 'merge', actorId })).changes.some(
      ({ type }) => type === 'memory',
    );
  t.ok(merged('node:alice'), 'a merged entry names the node that brought it');
  t.notOk(merged('node:eve'));
  const fleet = fleetOfThree();
  fleet.apply([{ type: 'node-gone', id: 'alice' }]);
  const { changes } = memory(fleet, 'bob', 'batch', entry(2, { kind: 'merge', actorId: 'node:alice' }));
  t.ok(
    changes.some(({ type }) => type === 'memory'),
    'its branch outlives the node that brought it',
  );
});

t.test('a task that a node ran by itself is of an agent that it held', async (t) => {
  for (const [node, epoch, isTaken] of [
    ['alice', 1, true],
    ['bob', 2, true],
    ['bob', 1, false],
    ['eve', 1, false],
    ['eve', 2, false],
    ['alice', 3, false],
  ] as const) {
    const fleet = fleetOfThree();
    const message = {
      boot: boot1,
      task: 'cron1',
      attempt: 1,
      agent: 'greeter',
      epoch,
      state: 'done' as const,
      result: 'Forged.',
      local: { prompt: 'Good morning', atMs: fleet.now },
    };
    const { changes, messages } = decide(fleet, 'task-report', { node, message, ended: null });
    t.equal(
      changes.some(({ type }) => type === 'task-end'),
      isTaken,
      `${node} under ${epoch}`,
    );
    t.match(said(messages, 'settled'), [{ params: { node } }], 'it is settled, or the node would repeat it for ever');
  }
});

t.test('only the process that held the agent ends the quiet time of who holds it now', async (t) => {
  const fleet = fleetOfThree();
  const stopped = (node: string, boot: string): AgentObserved & { node: string } => ({
    node,
    boot,
    agent: 'greeter',
    epoch: 1,
    state: 'stopped',
    model: null,
  });
  const say = ({ node, ...message }: ReturnType<typeof stopped>) => decide(fleet, 'agent-observed', { node, message });
  t.ok(fleet.agent('greeter').placement?.quiet, 'alice may still act');
  // A boot id is no proof: eve chooses alice's.
  fleet.birth('eve', fleet.node('alice').boot);
  fleet.hello('eve', { boot: fleet.node('alice').boot });
  t.match(say(stopped('eve', fleet.node('alice').boot)).remarks, [{ reason: 'not-its-own' }]);
  t.ok(fleet.agent('greeter').placement?.quiet);
  say(stopped('alice', fleet.node('alice').boot));
  t.notOk(fleet.agent('greeter').placement?.quiet);
});

t.test('refusals are one event an hour and a condition of the node, with their number', async (t) => {
  const fleet = fleetOfThree();
  const forge = () => memory(fleet, 'eve', 'branch', entry(1));
  t.same(events(forge().changes), ['not-its-own']);
  for (let i = 0; i < 4; i++) t.same(events(forge().changes), []);
  fleet.tick();
  t.match(nodeConditions(fleet.view as View, 'eve'), [
    {
      severity: 'warning',
      text: /^speaks for what is not its own: 5 times within an hour; last: eve: it brings a branch/,
    },
  ]);
  fleet.tick(3_600_000);
  t.same(nodeConditions(fleet.view as View, 'eve'), []);
  t.same(events(forge().changes), ['not-its-own'], 'told again');
});
