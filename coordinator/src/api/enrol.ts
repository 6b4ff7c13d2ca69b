// Enrolment of machines and renewal of certificates. The CSR is read before the decision and signed after its commit: no certificate is
// ever made for an unknown node. The routes are open: the decision checks token and key, and refusals are counted.
import {
  type EnrolAnswer,
  FleetError,
  problems,
  proofFreshMs,
  type RenewRequest,
  renewalText,
} from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import type { FastifyRequest } from 'fastify';
import type { ApiContext } from '../http/context.ts';
import { accepted, answered, type Handlers } from '../http/handler.ts';
import { bare, hostOf } from '../http/reach.ts';

/** The number of suffixes that are tried in order when the wanted name is taken. */
const nameSuffixes = 5;

/** Runs one step and counts a refusal against the address; the decision has written it to the audit log already. */
async function counted<A>(context: ApiContext, request: FastifyRequest, step: () => Promise<A> | A): Promise<A> {
  try {
    return await step();
  } catch (error) {
    // A fault of the coordinator itself is no attempt to guess a secret.
    if (error instanceof FleetError && problems[error.code].status < 500) context.doorkeeper.countSecret(request.ip);
    throw error;
  }
}

async function certify(
  context: ApiContext,
  request: FastifyRequest,
  csr: string,
  node: { node: string; class: string; site: string; certificateExpiresMs: number; reclaimed: boolean },
): Promise<EnrolAnswer> {
  const { ca, clock, settings } = context;
  const { certificateExpiresMs: notAfterMs, ...shown } = node;
  const certificate = await ca.signNode({ node: node.node, csr, notAfterMs });
  const { host, port } = settings.mqtt();
  return {
    ...shown,
    certificate,
    ca: ca.pem,
    expiresMs: notAfterMs,
    nowMs: clock.nowMs(),
    // The node reached this host, so it also reaches a broker on the same machine.
    mqtt: { host: host ?? bare(hostOf(request.host)), port },
  };
}

/** Whether the key of the request signed this hardware within the last moments. */
async function isProven({ ca, clock }: ApiContext, { proof, ...body }: RenewRequest): Promise<boolean> {
  if (!proof || Math.abs(clock.nowMs() - proof.atMs) > proofFreshMs) return false;
  return ca.isSignedBy(body.csr, renewalText(body, proof.atMs), Buffer.from(proof.signature, 'base64'));
}

export const enrolHandlers = {
  installer({ context, reply }) {
    // Another version of the coordinator has another text: no cache in between may keep this one.
    reply
      .header('cache-control', 'no-store')
      .type('text/x-shellscript; charset=utf-8')
      .send(context.settings.installer.text);
    return answered;
  },
  authority({ context, reply }) {
    reply.header('cache-control', 'no-store').type('application/x-pem-file').send(context.ca.pem);
    return answered;
  },
  async enrol({ context, body, request }) {
    const { coordinator, ca, clock, random } = context;
    const { keyFingerprint } = await counted(context, request, () => ca.readCsr(body.csr));
    const outcome = await coordinator.submit('enrol', {
      tokenId: body.tokenId,
      secretHash: sha256Hex(body.secret),
      hardware: body.hardware,
      ...(body.machine === undefined ? {} : { machine: body.machine }),
      ...(body.isWeak ? { isWeak: true } : {}),
      keyFingerprint,
      class: body.class,
      name: body.name ?? '',
      simulated: body.simulated ?? false,
      ...(body.labels === undefined ? {} : { labels: body.labels }),
      suffixes: Array.from({ length: nameSuffixes }, () => random.hex(2)),
      certificateExpiresMs: clock.nowMs() + coordinator.policy.certificateMs,
    });
    const node = await counted(context, request, () => accepted(outcome));
    return certify(context, request, body.csr, node);
  },
  async renew({ context, body, request }) {
    const { coordinator, ca, clock } = context;
    const { keyFingerprint } = await counted(context, request, () => ca.readCsr(body.csr));
    const outcome = await coordinator.submit('renew', {
      node: body.node,
      keyFingerprint,
      hardware: body.hardware,
      ...(body.machine === undefined ? {} : { machine: body.machine }),
      certificateExpiresMs: clock.nowMs() + coordinator.policy.certificateMs,
      ...((await isProven(context, body)) ? {} : { unproven: true as const }),
    });
    const node = await counted(context, request, () => accepted(outcome));
    return certify(context, request, body.csr, { ...node, reclaimed: false });
  },
} satisfies Partial<Handlers>;
