// The limits of both listeners for strangers; only the number of strangers differs.
import {
  maxBegunStrangers,
  maxBegunStrangersPerAddress,
  maxBegunStrangersPerSubnet,
  maxTlsHandshakes,
} from '@blackroad/protocol';
import type { CrowdLimits } from './crowd.ts';
import type { DoorLimits } from './door.ts';

export function doorLimits(strangers: CrowdLimits): DoorLimits {
  return {
    strangers,
    begun: {
      perAddress: maxBegunStrangersPerAddress,
      perSubnet: maxBegunStrangersPerSubnet,
      total: maxBegunStrangers,
    },
    handshakes: maxTlsHandshakes,
    helloMs: 4_000,
    slotMs: 2_000,
  };
}
