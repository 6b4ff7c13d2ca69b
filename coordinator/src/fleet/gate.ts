// Admission to the broker, decided from the view at every connection, and again at intervals while it lasts. In: the claimed identity of a
// connection. Out: the principal it is admitted as, or the reason of a refusal. A forgotten node or a revoked key is refused at once.
// [INV-admitted]
import type { Principal } from '@blackroad/protocol';
import type { View } from '../state/view.ts';
import { findKey } from './access.ts';
import { principalOfKey } from './principals.ts';

/** The claimed identity of a connection, from the TLS layer and the CONNECT packet. */
export type Claim =
  | { kind: 'node'; node: string; keyFingerprint: string; certificateExpiresMs?: number }
  | { kind: 'key'; keyId: string; secretHash: string }
  | { kind: 'stranger'; reason: string };
export type Admitted =
  | { as: 'node'; node: string }
  | { as: 'people'; keyId: string; by: Principal }
  | { as: 'refused'; reason: string };
/** The rule in the form that a broker calls: with the view and the time of the call. */
export type Gate = (claim: Claim) => Admitted;

/**
 * The interval at which a broker checks its connections again: a revoked key or an expired certificate loses its connection within this
 * time.
 */
export const recheckMs = 15_000;

/**
 * The extra time after a certificate's end. A node renews at two thirds of its certificate's life; one that could not has this tenth more.
 */
const graceShare = 0.1;
const maxGraceMs = 3_600_000;

/** `view` is null while the coordinator starts; `certificateMs` is the life of a node's certificate. */
export function admit(view: View | null, claim: Claim, nowMs: number, certificateMs: number): Admitted {
  if (!view) return { as: 'refused', reason: 'starting' };
  if (claim.kind === 'stranger') return { as: 'refused', reason: claim.reason };
  if (claim.kind === 'key') {
    const key = findKey(view, claim.keyId, claim.secretHash, nowMs);
    return key ? { as: 'people', keyId: key.id, by: principalOfKey(key) } : { as: 'refused', reason: 'unknown-key' };
  }
  const row = view.nodes.get(claim.node);
  if (!row) return { as: 'refused', reason: 'unknown-node' };
  if (row.status !== 'active') return { as: 'refused', reason: 'quarantined' };
  if (row.keyFingerprint !== claim.keyFingerprint) return { as: 'refused', reason: 'old-key' };
  // A connection proves its key only at its beginning; the record says whether that key still has a certificate.
  const graceMs = Math.min(maxGraceMs, certificateMs * graceShare);
  if (nowMs > row.certificateExpiresMs + graceMs) return { as: 'refused', reason: 'certificate-expired' };
  return { as: 'node', node: row.id };
}
