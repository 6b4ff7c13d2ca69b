// The first decision after a restore, and what nodes tell afterwards: nothing that is given out again may be taken for what was given out in
// the lost time.
import { AgentSpec, withDefaults } from '@blackroad/protocol';
import t from 'tap';
import { code, events, SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada, boot1, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import type { View } from '../state/view.ts';
import { backupTroubles, restoreTroubles } from './backup-troubles.ts';
import { acceptObserved } from './presence.ts';
import { acceptHeld, noteUnknownNode, restoreAgent, restoreNode } from './restore-found.ts';
import { isOfLostTime, takeRestored } from './restored.ts';

const lineage = 'ab'.repeat(16);
const mark = { lineage, backupMs: startMs - 3_600_000, restoredMs: startMs, version: '1.0.0' };
function restoredFleet(): SampleFleet {
  const fleet = new SampleFleet();
  fleet.runs('greeter', 'alice');
  fleet.submit('t1', 'greeter');
  fleet.decide(takeRestored, { mark });
  return fleet;
}
const assigned = (name: string, version = 1, epoch = 1) => ({
  id: name,
  spec: withDefaults<AgentSpec>(AgentSpec, { name, model: ['auto'], instructions: 'Be brief.' }),
  ...{ version, epoch, model: 'tiny', memory: { baseSeq: 0, baseHash: 'genesis', from: null } },
});
const held = (fleet: SampleFleet, node: string, given: ReturnType<typeof assigned>, of = lineage) =>
  fleet.decide(acceptHeld, { node, message: { boot: boot1, agent: given.id, lineage: of, assigned: given } });

t.test(
  'counts jump, placements go on under new epochs and are quiet, tasks of unknown end are dead letters',
  async (t) => {
    const fleet = new SampleFleet();
    fleet.runs('greeter', 'alice');
    fleet.submit('t1', 'greeter');
    const { generation } = fleet.node('alice');
    const before = fleet.agent('greeter');
    const decision = fleet.decide(takeRestored, { mark });
    t.same(events(decision.changes), ['restored']);
    t.same(decision.messages, [], 'nobody is connected');
    t.equal(fleet.node('alice').generation, generation + 1_000_000);
    const { epoch, placement } = fleet.agent('greeter');
    t.equal(epoch, before.epoch + 1_000_000);
    t.match(placement, {
      node: 'alice',
      epoch,
      restored: true,
      from: null,
      quiet: { epoch: before.placement?.epoch, boot: null },
    });
    t.match(fleet.view.holders.get('greeter')?.at(-1), { epoch, node: 'alice' });
    t.equal(fleet.task('t1'), undefined);
    t.ok(decision.changes.some((change) => change.type === 'task-end' && change.row.problem?.code === 'restored'));
    t.same(fleet.decide(takeRestored, { mark }).changes, [], 'the same restore is taken in once');
    const hello = fleet.hello('alice', { generation: generation + 3 });
    t.match(said(hello.messages, 'welcome'), [{ message: { lineage, generation: generation + 1_000_000 } }]);
    t.match(said(hello.messages, 'snapshot'), [
      { message: { agents: [{ epoch, memory: { restored: true }, quietMs: Number }] } },
    ]);
    t.equal(fleet.node('alice').lineage, lineage, 'it was heard of');
  },
);

t.test('epochs without a holder are of the lost time; a node that names one is not accused', async (t) => {
  const fleet = restoredFleet();
  const view = fleet.view as View;
  const first = view.holders.get('greeter')?.[0] as { epoch: number };
  t.notOk(isOfLostTime(view, 'greeter', first.epoch));
  t.ok(isOfLostTime(view, 'greeter', first.epoch + 1));
  t.notOk(isOfLostTime(view, 'greeter', fleet.agent('greeter').epoch + 1), 'not given out yet');
  fleet.online('bob');
  const message = { boot: boot1, epoch: first.epoch + 1, state: 'ready' as const, model: 'tiny' };
  for (const agent of ['greeter', 'unknown'])
    fleet.decide(acceptObserved, { node: 'bob', message: { ...message, agent } });
  t.equal(fleet.view.live.get('bob')?.refusals, undefined);
  const plain = new SampleFleet();
  plain.runs('greeter', 'alice');
  t.notOk(isOfLostTime(plain.view as View, 'greeter', 0), 'without a restore there is none');
});

t.test('an agent that was made since is found once, and a person brings it back under its id', async (t) => {
  const fleet = restoredFleet();
  fleet.online('bob');
  t.same(events(held(fleet, 'bob', assigned('late', 2, 4)).changes), ['restore-found']);
  t.same(held(fleet, 'bob', assigned('late', 2, 4)).changes, []);
  t.same(held(fleet, 'bob', assigned('other'), 'cd'.repeat(16)).changes, [], 'of another restore');
  t.same(held(fleet, 'alice', assigned('greeter')).changes, [], 'the backup knows it');
  t.match(restoreTroubles(fleet.view as View), [{ kind: 'restored', title: /^One agent or node/ }]);
  t.equal(code(fleet.decide(restoreAgent, { by: ada, agent: 'nobody' })), 'no-such-agent');
  t.match(fleet.decide(restoreAgent, { by: ada, agent: 'late' }).outcome, {
    ok: true,
    value: { id: 'late', version: 2 },
  });
  t.match(fleet.agent('late'), { version: 2, restored: true, placement: null });
  t.ok(fleet.agent('late').epoch > 4, 'later than all that was given out');
  t.equal(code(fleet.decide(restoreAgent, { by: ada, agent: 'late' })), 'conflict');
  t.same(restoreTroubles(fleet.view as View), []);
});

t.test('a machine that joined since is named, and let in by a person', async (t) => {
  const fleet = restoredFleet();
  const knock = (expiresInMs: number) =>
    fleet.decide(noteUnknownNode, {
      node: 'carol',
      keyFingerprint: 'f'.repeat(64),
      certificateExpiresMs: startMs + expiresInMs,
    });
  t.same(
    knock(fleet.policy.certificateMs - 7_200_000).changes,
    [],
    'a certificate from before the backup: it was forgotten then',
  );
  t.same(events(knock(fleet.policy.certificateMs).changes), ['restore-found']);
  t.same(knock(fleet.policy.certificateMs).changes, [], 'once');
  t.equal(code(fleet.decide(restoreNode, { by: ada, node: 'dave' })), 'no-such-node');
  t.match(fleet.decide(restoreNode, { by: ada, node: 'carol' }).outcome, { ok: true });
  t.match(fleet.node('carol'), { status: 'active', keyFingerprint: 'f'.repeat(64), hardware: 'any:carol' });
  t.equal(code(fleet.decide(restoreNode, { by: ada, node: 'carol' })), 'conflict');
});

t.test('alerts of backups', async (t) => {
  const stand = { problem: null, failedMs: null, lastMs: startMs, missingFromMs: startMs + 10 };
  t.same(backupTroubles({ backups: null }, startMs), []);
  t.same(backupTroubles({ backups: stand }, startMs), []);
  t.match(backupTroubles({ backups: stand }, startMs + 10), [{ kind: 'backup-late', severity: 'warning' }]);
  t.match(backupTroubles({ backups: { ...stand, problem: 'the disk is full', failedMs: startMs } }, startMs), [
    { kind: 'backup-failed', severity: 'error', title: /the disk is full/ },
  ]);
});
