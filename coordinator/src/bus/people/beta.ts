// The fields of Aedes 2.0.0-beta.1 that its types lack and this door needs, in one place: what has to be looked at again with each new version
// of it. In: a broker and clients of Aedes. Out: the same, with types.
import type { Aedes, Client } from 'aedes-5';
import type { IPacket } from 'mqtt-packet';

export interface AnyPacket extends Partial<Omit<IPacket, 'cmd'>> {
  cmd: string;
  [field: string]: unknown;
}
export interface CopiedPacket {
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  properties?: Record<string, unknown>;
  /** Aedes leaves out a copy that a client got before by this pair; null: it is no repetition of any. */
  brokerId?: string | null;
  clientId?: string;
  nl?: boolean;
}
type Deliver = (packet: CopiedPacket, done: () => void) => void;

interface InsideBroker {
  counter: number;
  connectedClients: number;
  clients: Record<string, Client>;
  mq: { emit(packet: object, done: () => void): void };
  registerClient(client: Client): void;
  unregisterClient(client: Client): void;
  _finishRegisterClient(client: Client): void;
  publish(packet: { topic: string }, client: unknown, done?: () => void): void;
  publishWill(client: Client, will: CopiedPacket): void;
}
interface InsideClient {
  subscriptions: Record<string, { qos: number }>;
  deliver0: Deliver;
  deliverQoS: Deliver;
  waitForDrain(done: () => void): void;
  connected: boolean;
  closed: boolean;
  version: number | null;
  /** The lowest sum of packets that are parsed and not handled; at zero the next bytes are read. */
  _parsingBatch: number;
  _nextBatch(error?: Error): void;
  _parser: NodeJS.EventEmitter;
  _keepaliveInterval: number;
  _keepaliveTimer: { refresh(): void } | null;
  _requestProblemInformation: boolean;
  _sessionExpiryClamped: boolean;
  _assignedClientId: string | undefined;
}
export const insideBroker = (broker: Aedes) => broker as unknown as InsideBroker;
export const insideClient = (client: Client) => client as unknown as InsideClient;
