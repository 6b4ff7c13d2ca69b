// The limits of the embedded broker: on connections, known or not, and on what each of them may send, hold and leave unread.
import {
  maxConnectPacketBytes,
  maxConnectsPerKeyPerMinute,
  maxConnectsPerMinute,
  maxMqttBacklogBytes,
  maxMqttConnections,
  maxMqttStrangers,
  maxMqttStrangersPerAddress,
  maxMqttStrangersPerSubnet,
  maxPacketBytes,
  maxPacketsAtOnce,
  maxPacketsPerSecond,
  maxSubscriptionsPerConnection,
} from '@blackroad/protocol';
import { doorLimits } from '../door/door-limits.ts';
import type { ConnectLimits } from './connects.ts';
import type { ListenerLimits } from './listener.ts';
import type { PaceLimits } from './pace.ts';

export interface AedesLimits extends ListenerLimits, ConnectLimits {
  packetBytes: number;
  connectPacketBytes: number;
  /** A connection that has read no byte for this long, while some wait for it, is ended. */
  stallMs: number;
  backlogBytes: number;
  subscriptions: number;
  pace: PaceLimits;
}
export const aedesLimits: AedesLimits = {
  packetBytes: maxPacketBytes,
  connectPacketBytes: maxConnectPacketBytes,
  connections: maxMqttConnections + maxMqttStrangers,
  ...doorLimits({
    perAddress: maxMqttStrangersPerAddress,
    perSubnet: maxMqttStrangersPerSubnet,
    total: maxMqttStrangers,
  }),
  connectMs: 10_000, // and again from there to CONNECT
  stallMs: 5_000,
  backlogBytes: maxMqttBacklogBytes,
  subscriptions: maxSubscriptionsPerConnection,
  connects: maxConnectsPerMinute,
  connectsPerKey: maxConnectsPerKeyPerMinute,
  pace: { burst: maxPacketsAtOnce, perSecond: maxPacketsPerSecond },
};
