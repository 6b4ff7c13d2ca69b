// The broker as the coordinator sees it. Two implementations: the embedded Aedes, and any MQTT broker by URL (Mosquitto, EMQX).
// A bus carries bytes: it decodes nothing and decides nothing about the fleet; who may connect is asked through a `Gate`.
import type { Principal } from '@blackroad/protocol';

export interface Arrived {
  topic: string;
  payload: Buffer;
  /** The broker says it is a retained copy (external brokers, at subscription). */
  retained: boolean;
  /** The key that sent it. Missing: a node, or the broker does not say. */
  by?: Principal;
  /** A person's message that went no further, and why: it is only to be answered. */
  refused?: string;
}
export interface BusMessage {
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: boolean;
}
/** What the coordinator says of itself in this moment, on `fleet/state`. */
export type Presence = (state: 'online' | 'offline') => BusMessage;
export interface Bus {
  /**
   * Resolves when messages flow; where the broker is another process, also when that is late, and goes on trying. `onMessage` is called
   * for every message below the root that the coordinator did not send itself. `presence` is asked where the broker outlives this
   * process: for the will of each connection, and for the birth of one that is back.
   */
  start(onMessage: (message: Arrived) => void, presence: Presence): Promise<void>;
  /** Sends in order. Throws FleetError `unavailable` when the bounded queue to an external broker is full. */
  publish(messages: readonly BusMessage[]): void;
  /** Ends the connections of a node at once (quarantine, forget). */
  disconnect(node: string): void;
  /** Counters for /metrics. */
  stats(): BusStats;
  stop(): Promise<void>;
}
export interface BusStats {
  connections: number;
  received: number;
  sent: number;
  /** Refused connections, publishes and subscriptions by reason. */
  refused: Record<string, number>;
  /** Connections cut because they did not read. */
  stalled: number;
}
