// What the door of either listener grants strangers: the same for both but for how many of them there may be.
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
