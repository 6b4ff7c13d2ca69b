// Admission of connections to the broker, and its end, decided from a view.
import t from 'tap';
import { sampleNode } from '../../../test/fixtures/coordinator/sample-rows.ts';
import type { KeyRow, NodeRow } from '../state/rows.ts';
import { emptyView } from '../state/view.ts';
import { admit, type Claim } from './gate.ts';

const certificateMs = 1_000_000;
const good = 'a'.repeat(64);
function rig(node: Partial<NodeRow> = {}, key: Partial<KeyRow> = {}) {
  const view = emptyView('c', 0);
  view.nodes.set('alice', sampleNode('alice', { keyFingerprint: 'f', certificateExpiresMs: 500_000, ...node }));
  const row: KeyRow = {
    id: 'k1',
    space: 'default',
    name: 'ha',
    role: 'operator',
    secretHash: good,
    createdMs: 0,
    revoked: false,
  };
  view.keys.set('k1', { ...row, ...key });
  const at = (nowMs: number, claim: Claim) => admit(view, claim, nowMs, certificateMs);
  return { at, alice: (nowMs = 0, keyFingerprint = 'f') => at(nowMs, { kind: 'node', node: 'alice', keyFingerprint }) };
}

t.test('a node is let in by its key, while it is one of ours', async (t) => {
  const { at, alice } = rig();
  t.same(alice(), { as: 'node', node: 'alice' });
  t.match(alice(0, 'other'), { reason: 'old-key' });
  t.match(rig({ status: 'quarantined' }).alice(), { reason: 'quarantined' });
  t.match(at(0, { kind: 'node', node: 'bob', keyFingerprint: 'f' }), { reason: 'unknown-node' });
});

t.test('its certificate ends, with a grace; a renewed one goes on', async (t) => {
  const { alice } = rig();
  t.match(alice(500_000 + 100_000), { as: 'node' });
  t.match(alice(500_000 + 100_001), { as: 'refused', reason: 'certificate-expired' });
  t.match(rig({ certificateExpiresMs: 2_000_000 }).alice(500_000 + 100_001), { as: 'node' });
});

t.test('a key opens while it is good', async (t) => {
  const key = (secretHash: string, keyId = 'k1'): Claim => ({ kind: 'key', keyId, secretHash });
  t.same(rig().at(0, key(good)), {
    as: 'people',
    keyId: 'k1',
    by: { kind: 'key', id: 'k1', name: 'ha', space: 'default', roles: ['operator'] },
  });
  for (const wrong of ['b'.repeat(64), `${'a'.repeat(63)}b`, `b${'a'.repeat(63)}`, good.slice(1), `${good}a`, ''])
    t.match(rig().at(0, key(wrong)), { reason: 'unknown-key' }, wrong);
  t.match(rig().at(0, key(good, 'k2')), { reason: 'unknown-key' });
  t.match(rig().at(0, key('', 'k2')), { reason: 'unknown-key' });
  t.match(rig({}, { revoked: true }).at(0, key(good)), { reason: 'unknown-key' });
  t.match(rig({}, { expiresMs: 5 }).at(4, key(good)), { as: 'people' });
  t.match(rig({}, { expiresMs: 5 }).at(5, key(good)), { reason: 'unknown-key' });
});

t.test('a stranger is told why, and a coordinator that starts lets nobody in', async (t) => {
  t.match(rig().at(0, { kind: 'stranger', reason: 'no-certificate' }), { reason: 'no-certificate' });
  const alice: Claim = { kind: 'node', node: 'alice', keyFingerprint: 'f' };
  t.same(admit(null, alice, 0, certificateMs), { as: 'refused', reason: 'starting' });
});
