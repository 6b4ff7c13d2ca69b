// The broker as the coordinator uses it. There are two implementations: the embedded Aedes, and any MQTT broker by URL (Mosquitto, EMQX). A
// bus moves bytes: it decodes nothing and decides nothing about the fleet; who may connect is decided by a `Gate`.
import type { Principal } from '@blackroad/protocol';
import type { MessageTold } from '../state/reply-to.ts';

export interface Arrived {
  topic: string;
  payload: Buffer;
  /** Whether it is a retained copy (external brokers, at subscription). */
  retained: boolean;
  /** The key that sent it. Missing: a node sent it, or the broker does not report the sender. */
  by?: Principal;
  /** The reason why a person's message was refused: it only gets an answer. */
  refused?: string;
  /** What a client of MQTT 5 said beside the question. */
  request?: AskRequest;
}
/** Where and how the answer to a question is wanted. Plain data, as it is stored with the task. */
export interface AskRequest {
  /** The topic of the key's own for the answer; missing: the topic of answers of the agent. */
  response?: { key: string; id: string };
  /** The id of the topic of answers. */
  id?: string;
  told?: MessageTold;
  /** The question is worth nothing after this. */
  expirySeconds?: number;
}
export interface BusMessage {
  topic: string;
  payload: string;
  qos: 0 | 1;
  retain: boolean;
  /** For clients of MQTT 5; lost where the broker speaks 3.1.1 alone. */
  told?: MessageTold;
}
/** The present state of the coordinator, for `fleet/state`. */
export type Presence = (state: 'online' | 'offline') => BusMessage;
export interface Bus {
  /**
   * Resolves when messages flow; with a broker in another process also when that does not answer in time, and attempts go on. `onMessage` is
   * called for every message below the root that the coordinator did not send itself. `presence` is called where the broker outlives this
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
  /** Connections that were ended because they did not read. */
  stalled: number;
}
