// A GET of a route for machines at the coordinator's HTTPS port, which asks for no certificate in TLS: the node says who it is by a signature
// with the key of its certificate. In: the identity, a path. Out: the answer, with its body unread.
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { machineCallText } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { type FleetTime, surelyPastMs } from './fleet-time.ts';
import type { Identity } from './identity.ts';
import { peerAt } from './trust.ts';
import { askTrusted } from './trusted-ask.ts';

const answerMs = 20_000;

export interface MachineCaller {
  identity: () => Identity;
  /** The signature is dated by the fleet's time: a Pi may wake up in the past. */
  time: Pick<FleetTime, 'nowMs'>;
  clock: Clock;
}

export function callAsMachine(
  { identity, time, clock }: MachineCaller,
  path: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const own = identity();
  const { url, ca, key, certificate } = own;
  const atMs = Math.round(time.nowMs());
  const shown = new X509Certificate(certificate).raw.toString('base64url');
  const proof = sign('sha256', Buffer.from(machineCallText('GET', path, atMs)), createPrivateKey(key));
  const { hosted, ...peer } = peerAt(url);
  return askTrusted(
    {
      peer: { ...peer, trust: { ca }, surelyPastMs: surelyPastMs(clock, own) },
      method: 'GET',
      path,
      headers: {
        host: hosted,
        authorization: `Fleet-Node ${shown}.${atMs}.${proof.toString('base64url')}`,
        ...headers,
      },
      signal,
      answerMs,
    },
    clock,
  );
}
