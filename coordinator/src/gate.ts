// Who may connect to the broker, read off the view: asked at every connection, and again now and then while it lives.
// In: who a connection says it is. Out: who it is admitted as, or a reason. A forgotten node or a revoked key is refused at once.
import type { Admitted, Claim, Gate } from './bus/bus.ts';
import type { View } from './view.ts';

export interface GateParts {
  /** Null while the coordinator starts. */
  view: () => View | null;
  keyOf: (view: View, keyId: string, secret: string) => { id: string; name: string; role: KeyRole } | null | undefined;
  nowMs: () => number;
  /** Life of a node's certificate. */
  certificateMs: number;
}
type KeyRole = Extract<Admitted, { as: 'people' }>['role'];

/** A node renews at two thirds of its certificate's life. One that could not is told so by its end, a tenth later. */
const graceShare = 0.1;
const maxGraceMs = 3_600_000;

export function createGate({ view, keyOf, nowMs, certificateMs }: GateParts): Gate {
  const graceMs = Math.min(maxGraceMs, certificateMs * graceShare);
  return (claim: Claim): Admitted => {
    const present = view();
    if (!present) return { as: 'refused', reason: 'starting' };
    if (claim.kind === 'stranger') return { as: 'refused', reason: claim.reason };
    if (claim.kind === 'key') {
      const key = keyOf(present, claim.keyId, claim.secret);
      return key
        ? { as: 'people', keyId: key.id, name: key.name, role: key.role }
        : { as: 'refused', reason: 'unknown-key' };
    }
    const row = present.nodes.get(claim.node);
    if (!row) return { as: 'refused', reason: 'unknown-node' };
    if (row.status !== 'active') return { as: 'refused', reason: 'quarantined' };
    if (row.keyFingerprint !== claim.keyFingerprint) return { as: 'refused', reason: 'old-key' };
    // A connection proves the key at its beginning; the record says whether that key still has a certificate.
    if (nowMs() > row.certificateExpiresMs + graceMs) return { as: 'refused', reason: 'certificate-expired' };
    return { as: 'node', node: row.id };
  };
}
