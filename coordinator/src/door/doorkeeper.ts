// What both doors, HTTP and MQTT, ask before they let anybody in or through: whether this address was refused too often, and whether
// this key asks too much. One counter for both, and one audit log: a limit at one door of two is none.
import type { AuditParams, Principal } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import { principalAt } from '../fleet/principals.ts';
import { createRate } from './rate.ts';
import { createRefusedAddresses } from './refused-addresses.ts';

export interface DoorkeeperLimits {
  /** Of one address, in a minute. */
  refusalsPerMinute: number;
  /** Of one key, in a minute. */
  requestsPerMinute: number;
}
interface Refused {
  address: string;
  /** What was tried: `api key`, `sign-in`, `certificate`. */
  subject: string;
  text: string;
}
/** As the audit log has it. */
export interface Refusal {
  by: Principal;
  action: 'refused';
  params: AuditParams<'refused'>;
}
export interface Doorkeeper {
  /** Somebody tried a secret that is none here. */
  refusedSecret(refused: Refused): void;
  /** The decision wrote it to the audit log already. */
  countSecret(address: string): void;
  /** Somebody came with a certificate that is not ours. It stops nobody of the same address: old nodes knock for weeks. */
  refusedCertificate(refused: Refused): void;
  /** Seconds to wait when secrets of this address were refused too often, else 0. */
  blockedSeconds(address: string): number;
  /** Counts a request of this name; seconds to wait when there were too many, else 0. */
  take(name: string): number;
  readonly requestsPerMinute: number;
}

/** Under this name the requests of a key are counted at both doors. */
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
    requestsPerMinute: limits.requestsPerMinute,
  };
}
