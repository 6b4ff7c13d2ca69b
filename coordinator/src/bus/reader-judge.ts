// Whether a peer may read from the model cache: a node of this fleet, by the same certificate with which it connects to the broker. In: what
// TLS saw of the peer. Out: the name of the reader, or the reason of a refusal.
import { X509Certificate } from 'node:crypto';
import type { Gate } from '../fleet/gate.ts';
import type { Judged, ShownPeer } from '../model-cache/wire.ts';
import { claimOf } from './claim.ts';

export function judgeReader(
  { certificate, authorized, authorizationError }: ShownPeer,
  gate: Gate,
  nowMs: number,
): Judged {
  const shown = certificate === null ? undefined : new X509Certificate(Buffer.from(certificate, 'base64'));
  const peer = { getPeerX509Certificate: () => shown, authorized, authorizationError };
  const who = gate(claimOf(peer, undefined, undefined, nowMs));
  if (who.as === 'node') return { reader: who.node };
  return { refused: who.as === 'refused' ? who.reason : 'no-certificate' };
}
