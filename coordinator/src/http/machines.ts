// Machines that call routes without a key: nodes, by a signature with the key of their certificate, and machines that are about to join, by
// their token. The HTTPS port asks nobody for a certificate in TLS, because browsers would ask their users [decision 21]; so a node sends it
// in a header. In: a request. Out: the name of the machine; null: it shows neither. What is false is a guess and counted as one.
import { verify, X509Certificate } from 'node:crypto';
import {
  defaultSpace,
  FleetError,
  machineCallText,
  type Principal,
  proofFreshMs,
  readJoinToken,
} from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import type { FastifyRequest } from 'fastify';
import { tokenFault } from '../fleet/access.ts';
import type { ApiContext } from './context.ts';

export function machineOf(context: ApiContext, request: FastifyRequest): string | null {
  const { authorization = '' } = request.headers;
  const token = /^Bearer +(brj1\.\S{1,2000})$/i.exec(authorization)?.[1];
  if (token !== undefined) return holderOf(context, token);
  const proof = /^Fleet-Node +([\w-]{1,4000})\.(\d{1,15})\.([\w-]{1,200})$/i.exec(authorization);
  if (proof === null) return null;
  const [, certificate = '', atMs = '', signature = ''] = proof;
  return nodeOf(context, request, { certificate, atMs: Number(atMs), signature });
}

/** Who acts for a machine that `machineOf` has named. */
export function machinePrincipal(machine: string | null): Principal | null {
  if (machine === null) return null;
  const id = machine.replace(/^token /, '');
  return { kind: id === machine ? 'node' : 'token', id, name: id, space: defaultSpace, roles: [] };
}

/**
 * A token that is used up still reads: the machine that used it repairs itself with the same command, and what may be read is no secret.
 * @throws FleetError, as enrolment would refuse the token otherwise
 */
function holderOf({ coordinator, clock }: ApiContext, text: string): string {
  const { id, secret } = (readJoinToken(text) ?? {}) as { id?: unknown; secret?: unknown };
  const isToken = typeof id === 'string' && typeof secret === 'string';
  const fault = isToken ? tokenFault(coordinator.view, id, sha256Hex(secret), clock.nowMs()) : 'token-unknown';
  if (fault !== null && fault !== 'token-used-up') throw new FleetError(fault);
  return `token ${id}`;
}

interface Proof {
  /** DER, base64url. */
  certificate: string;
  atMs: number;
  /** DER, base64url, by the key of the certificate. */
  signature: string;
}

/** The cheap is looked at first: a stranger's certificate costs one verification. @throws FleetError */
function nodeOf(
  context: ApiContext,
  { method, url, ip }: FastifyRequest,
  { certificate, atMs, signature }: Proof,
): string {
  const wrong = (detail: string) => new FleetError('not-signed-in', { detail });
  if (Math.abs(context.clock.nowMs() - atMs) > proofFreshMs)
    throw new FleetError('not-allowed', {
      detail: `headers: authorization: expected a time within ${proofFreshMs / 60_000} min of the coordinator's clock, got another: the clock of the node is wrong`,
    });
  let shown: X509Certificate;
  try {
    shown = new X509Certificate(Buffer.from(certificate, 'base64url'));
  } catch {
    throw wrong('headers: authorization: expected a certificate, got something else');
  }
  const authorized = isOfThisFleet(shown, context.ca.pem);
  const peer = { certificate: shown.raw.toString('base64'), authorized, authorizationError: '', address: ip };
  const verdict = context.judgeNode?.(peer) ?? { refused: 'no nodes here' };
  if ('refused' in verdict)
    throw new FleetError('not-allowed', { detail: `This is not a node of this fleet: ${verdict.refused}.` });
  const text = Buffer.from(machineCallText(method, url, atMs));
  if (!verify('sha256', text, shown.publicKey, Buffer.from(signature, 'base64url')))
    throw wrong('headers: authorization: expected a signature of this very request by the key of the certificate');
  return verdict.reader;
}

function isOfThisFleet(certificate: X509Certificate, caPem: string): boolean {
  const ca = new X509Certificate(caPem);
  return certificate.checkIssued(ca) && certificate.verify(ca.publicKey);
}
