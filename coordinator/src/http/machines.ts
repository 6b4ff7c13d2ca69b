// Machines that call routes without a key: nodes, by the certificate with which they are known to the broker, and machines that are about to
// join, by their token. In: a request. Out: the name of the machine; null: it shows neither. A false token is a guess and counted as one.
import { FleetError, readJoinToken } from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import type { FastifyRequest } from 'fastify';
import { tokenFault } from '../fleet/access.ts';
import type { ApiContext } from './context.ts';

export function machineOf(context: ApiContext, request: FastifyRequest): string | null {
  const bearer = /^Bearer +(brj1\.\S{1,2000})$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return holderOf(context, bearer);
  if (request.headers.authorization !== undefined) return null;
  const peer = context.peers.get(request.raw.socket);
  if (!peer?.certificate || !context.judgeNode) return null;
  const verdict = context.judgeNode(peer);
  if ('reader' in verdict) return verdict.reader;
  const detail = `The certificate of this connection is not that of a node of this fleet: ${verdict.refused}.`;
  throw new FleetError('not-allowed', { detail });
}

/** @throws FleetError, as enrolment would refuse the token */
function holderOf({ coordinator, clock }: ApiContext, text: string): string {
  const { id, secret } = (readJoinToken(text) ?? {}) as { id?: unknown; secret?: unknown };
  const isToken = typeof id === 'string' && typeof secret === 'string';
  const fault = isToken ? tokenFault(coordinator.view, id, sha256Hex(secret), clock.nowMs()) : 'token-unknown';
  if (fault !== null) throw new FleetError(fault);
  return `token ${id}`;
}
