// The checks of both doors, HTTP and MQTT, before they let a caller in: whether its address was refused too often, and whether its key asks
// too often. Both doors share one counter and one audit log, as a limit at one of two doors is none.
import type { AuditParams, Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { principalAt } from '../fleet/principals.ts';
import { createRate } from './rate.ts';
import { createRefusedAddresses } from './refused-addresses.ts';

export interface DoorkeeperLimits {
  /** Refusals of one address in a minute. */
  refusalsPerMinute: number;
  /** Requests of one key in a minute. */
  requestsPerMinute: number;
}
interface Refused {
  address: string;
  /** The kind of the attempt: `api key`, `sign-in`, `certificate`. */
  subject: string;
  text: string;
}
/** The row of the audit log. */
export interface Refusal {
  by: Principal;
  action: 'refused';
  params: AuditParams<'refused'>;
}
export interface Doorkeeper {
  /** Counts an attempt with an unknown secret. */
  refusedSecret(refused: Refused): void;
  /** Counts an attempt that a decision has written to the audit log already. */
  countSecret(address: string): void;
  /** Notes a certificate that is not from this CA. It blocks no other caller of the address: a forgotten node may try for weeks. */
  refusedCertificate(refused: Refused): void;
  /** The seconds to wait when secrets from this address were refused too often, else 0. */
  blockedSeconds(address: string): number;
  /** Counts a request under this name; the seconds to wait when there were too many, else 0. */
  take(name: string): number;
  /** What this name may still ask within its minute, and the milliseconds until the next one. */
  left(name: string): { requests: number; resetMs: number };
  readonly requestsPerMinute: number;
}

/** The name under which both doors count the requests of a key. */
export function nameOfKey(keyId: string): string {
  return `key:${keyId}`;
}

export function createDoorkeeper(clock: Clock, limits: DoorkeeperLimits, audit: (note: Refusal) => void): Doorkeeper {
  const secrets = createRefusedAddresses(clock, limits.refusalsPerMinute);
  const certificates = createRefusedAddresses(clock, limits.refusalsPerMinute);
  const rate = createRate(clock, limits.requestsPerMinute);
  const write = ({ address, subject, text }: Refused) =>
    audit({
      by: principalAt(address),
      action: 'refused',
      params: { tried: subject, problem: text.slice(0, 500) },
    });
  return {
    refusedSecret(refused) {
      if (secrets.count(refused.address)) write(refused);
    },
    countSecret: (address) => void secrets.count(address),
    refusedCertificate(refused) {
      if (certificates.count(refused.address)) write(refused);
    },
    blockedSeconds: secrets.blockedSeconds,
    take: rate.take,
    left: rate.left,
    requestsPerMinute: limits.requestsPerMinute,
  };
}
