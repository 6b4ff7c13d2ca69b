// Who is let in, and who no longer, read off a view.
import t from 'tap';
import { createGate } from './gate.ts';
import { emptyView, type NodeRow, type View } from './view.ts';

const certificateMs = 1_000_000;
function rig() {
  const view = emptyView('c', 0);
  let nowMs = 0;
  const node = { id: 'alice', status: 'active', keyFingerprint: 'f', certificateExpiresMs: 500_000 } as NodeRow;
  view.nodes.set('alice', node);
  const gate = createGate({
    view: () => view as View,
    keyOf: (_view, id, secret) => (secret === 'good' ? { id, name: 'ha', role: 'operator' } : null),
    nowMs: () => nowMs,
    certificateMs,
  });
  const alice = (keyFingerprint = 'f') => gate({ kind: 'node', node: 'alice', keyFingerprint });
  return { view, node, gate, alice, at: (ms: number) => (nowMs = ms) };
}

t.test('a node is let in by its key, while it is one of ours', async (t) => {
  const { view, node, gate, alice } = rig();
  t.same(alice(), { as: 'node', node: 'alice' });
  t.match(alice('other'), { reason: 'old-key' });
  view.nodes.set('alice', { ...node, status: 'quarantined' });
  t.match(alice(), { reason: 'quarantined' });
  t.match(gate({ kind: 'node', node: 'bob', keyFingerprint: 'f' }), { reason: 'unknown-node' });
});

t.test('its certificate ends, with a grace; a renewed one goes on', async (t) => {
  const { view, node, alice, at } = rig();
  at(500_000 + 100_000);
  t.match(alice(), { as: 'node' });
  at(500_000 + 100_001);
  t.match(alice(), { as: 'refused', reason: 'certificate-expired' });
  view.nodes.set('alice', { ...node, certificateExpiresMs: 2_000_000 });
  t.match(alice(), { as: 'node' });
});

t.test('a key, a stranger, a coordinator that starts', async (t) => {
  const { gate } = rig();
  t.same(gate({ kind: 'key', keyId: 'k1', secret: 'good' }), {
    as: 'people',
    keyId: 'k1',
    name: 'ha',
    role: 'operator',
  });
  t.match(gate({ kind: 'key', keyId: 'k1', secret: 'bad' }), { reason: 'unknown-key' });
  t.match(gate({ kind: 'stranger', reason: 'no-certificate' }), { reason: 'no-certificate' });
  const starting = createGate({ view: () => null, keyOf: () => null, nowMs: () => 0, certificateMs });
  t.match(starting({ kind: 'node', node: 'alice', keyFingerprint: 'f' }), { reason: 'starting' });
});
