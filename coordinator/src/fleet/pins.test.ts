// Pins: what each node is to keep, whom a change tells, and what a node that was away hears with its welcome.
import { type AuditAction, coordinatorSelf } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { commandNode } from './commands.ts';
import { forgetNode } from './nodes.ts';
import { keptBy, pinModel } from './pins.ts';

const by = coordinatorSelf;
function rig() {
  const fleet = new SampleFleet();
  fleet.online('alice');
  fleet.online('bob');
  const pin = (given: Partial<Parameters<typeof pinModel>[1]>) => {
    const decision = pinModel(fleet.view, { by, model: 'm', pinned: true, ...given }, fleet.now, fleet.policy);
    if (decision.outcome.ok) fleet.apply(decision.changes);
    const told = decision.messages.map(({ params, message }) => [params.node, (message as { keep: unknown }).keep]);
    const audited = decision.changes.flatMap((each) => (each.type === 'audit' ? [each.row.action] : []));
    return { outcome: decision.outcome, told, audited: audited as AuditAction[] };
  };
  const kept = (id: string) => keptBy(fleet.view.pins.values(), fleet.node(id));
  return { fleet, pin, kept };
}

t.test('on a node: it alone is told, and fetches it', async (t) => {
  const { pin, kept } = rig();
  const { told, audited, outcome } = pin({ nodes: ['alice'] });
  t.same(told, [['alice', [{ model: 'm', fetch: true }]]]);
  t.same(audited, ['model-pin']);
  t.match(outcome, { ok: true, value: { changed: 1 } });
  t.same(kept('bob'), []);
  t.match(
    pin({ nodes: ['alice'] }),
    { told: { length: 0 }, audited: { length: 0 }, outcome: { value: { changed: 0 } } },
    'a second time is the same',
  );
  t.same(pin({ nodes: ['alice'], pinned: false }).told, [['alice', []]], 'and is told when it ends');
});

t.test('on a class, and wherever it is', async (t) => {
  const { fleet, pin, kept } = rig();
  const { class: name } = fleet.node('alice');
  pin({ class: name });
  t.same(kept('alice'), [{ model: 'm', fetch: true }]);
  t.same(kept('bob'), [{ model: 'm', fetch: true }], 'bob is of that class, too');
  pin({ model: 'other' });
  t.same(kept('bob'), [
    { model: 'm', fetch: true },
    { model: 'other', fetch: false },
  ]);
  t.same(pin({ model: 'M' }).told, [], 'another spelling, and nothing new for anybody');
  pin({ class: name, pinned: false });
  t.same(kept('alice'), [
    { model: 'M', fetch: false },
    { model: 'other', fetch: false },
  ]);
});

t.test('what is refused', async (t) => {
  const { fleet, pin } = rig();
  t.match(pin({ nodes: ['alice', 'nobody'] }).outcome, { ok: false, code: 'no-such-node' });
  t.equal(fleet.view.pins.size, 0);
  for (let i = 0; i < 50; i++) pin({ model: `m${i}`, nodes: ['alice'] });
  t.match(pin({ model: 'one-more', nodes: ['alice'] }).outcome, {
    ok: false,
    details: { detail: /alice would have 51 pinned/ },
  });
});

t.test('a pinned model is not removed, nor is its fetch stopped; a forgotten node takes its pins along', async (t) => {
  const { fleet, pin } = rig();
  pin({ nodes: ['alice'] });
  for (const name of ['removeModel', 'stopPull'] as const) {
    const order = { name, message: { model: 'M:latest' } };
    const { outcome } = commandNode(fleet.view, { by, node: 'alice', command: 'c', order }, fleet.now, fleet.policy);
    t.match(outcome, { ok: false, code: 'conflict', details: { detail: /is pinned on alice/ } }, name);
    const onBob = commandNode(fleet.view, { by, node: 'bob', command: 'c', order }, fleet.now, fleet.policy);
    t.match(onBob.outcome, { ok: true });
  }
  fleet.apply(forgetNode(fleet.view, { by, node: 'alice' }, fleet.now, fleet.policy).changes);
  t.equal(fleet.view.pins.size, 0);
});
