// Calls of routes for machines at the coordinator's HTTPS port, which asks for no certificate in TLS: the node says who it is by a signature
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
  caller: MachineCaller,
  path: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  return ask(caller, { method: 'GET', path, headers, signal });
}

/** Resolves when the coordinator has taken it. */
export async function postAsMachine(caller: MachineCaller, path: string, value: object): Promise<void> {
  const body = Buffer.from(JSON.stringify(value));
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  const { statusCode = 0 } = (await ask(caller, { method: 'POST', path, headers, body })).destroy();
  if (statusCode >= 300) throw new Error(`${path}: the coordinator answered ${statusCode}`);
}

type Asked = Pick<Parameters<typeof askTrusted>[0], 'method' | 'path' | 'headers' | 'body' | 'signal'>;
function ask({ identity, time, clock }: MachineCaller, asked: Asked): Promise<IncomingMessage> {
  const own = identity();
  const { url, ca, key, certificate } = own;
  const atMs = Math.round(time.nowMs());
  const shown = new X509Certificate(certificate).raw.toString('base64url');
  const text = machineCallText(asked.method, asked.path, atMs);
  const proof = sign('sha256', Buffer.from(text), createPrivateKey(key)).toString('base64url');
  const { hosted, ...peer } = peerAt(url);
  return askTrusted(
    {
      ...asked,
      peer: { ...peer, trust: { ca }, surelyPastMs: surelyPastMs(clock, own) },
      headers: { host: hosted, authorization: `Fleet-Node ${shown}.${atMs}.${proof}`, ...asked.headers },
      answerMs,
    },
    clock,
  );
}
