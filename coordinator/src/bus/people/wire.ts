// What the coordinator and the process of the door for people say to each other, over the channel that Node gives to a child. Both are of one
// version and one machine: nothing here is checked, and nothing here leaves the machine.
import type { SentLine } from '@blackroad/std/sent-log';
import type { AedesLimits } from '../aedes-limits.ts';

export interface PeopleDoorLimits
  extends Pick<
    AedesLimits,
    | 'packetBytes'
    | 'connectPacketBytes'
    | 'connections'
    | 'connectMs'
    | 'stallMs'
    | 'backlogBytes'
    | 'pace'
    | 'strangers'
    | 'begun'
    | 'handshakes'
    | 'helloMs'
    | 'slotMs'
  > {
  /** Messages with QoS 1 or 2 that a client may send before the first of them is answered. */
  inFlight: number;
  /** Messages with QoS 2 that are begun and not finished. */
  halves: number;
  /** Messages that wait for a client to acknowledge earlier ones. */
  waiting: number;
}
export interface PeopleDoorSettings {
  host: string;
  port: number;
  /** PEM. */
  tls: { key: string; cert: string };
  limits: PeopleDoorLimits;
  /** The beginning of topics that one key alone reads; the key's id and a slash come next. */
  responsePrefix: string;
}

/** Properties of MQTT 5 that go with a message. */
export interface MessageProperties {
  responseTopic?: string;
  correlationData?: Buffer;
  contentType?: string;
  payloadFormatIndicator?: boolean;
  messageExpiryInterval?: number;
  userProperties?: Record<string, string | string[]>;
}
export interface PeopleMessage {
  topic: string;
  payload: Buffer;
  qos: number;
  retain: boolean;
  properties?: MessageProperties;
}
/** A message to those who subscribed. `from`: the client id of a person's program that sent it, for subscriptions that leave out their own. */
export interface Forwarded extends PeopleMessage {
  from?: string;
}

export interface ConnectAsked {
  address: string;
  clientId: string;
  username?: string;
  password?: Buffer;
  will?: { topic: string; payload: Buffer };
}
export type ConnectVerdict =
  | { key: string; clientId: string; keepsWill: boolean }
  | { refused: string; text: string; returnCode: number };
/** A reason code of MQTT 5 and a sentence; null: it is granted. */
export type Denied = { code: number; text: string } | null;
export interface RetainedPage {
  messages: PeopleMessage[];
  /** To ask for the next page with; null: it was the last one. */
  next: number | null;
}

export interface Questions {
  connect: { asked: ConnectAsked; answer: ConnectVerdict };
  publish: { asked: PeopleMessage; answer: Denied };
  subscribe: { asked: { filter: string }; answer: Denied };
  retained: { asked: { filter: string } | { next: number }; answer: RetainedPage };
}
type Question = keyof Questions;
export type Asked = { [Q in Question]: { question: Q; asked: Questions[Q]['asked'] } }[Question];

/** `connection`: the number of the one that asks. Rejects when the coordinator does not answer in time. */
export type Ask = <A extends Asked>(connection: number, asked: A) => Promise<Questions[A['question']]['answer']>;

export interface DoorFigures {
  /** Copies that were sent to clients. */
  sent: number;
  stalled: number;
  /** By reason. */
  refused: Record<string, number>;
  rssBytes: number;
}

export type ToDoor =
  | { settings: PeopleDoorSettings }
  | { id: number; answer: Questions[Question]['answer'] }
  | { id: number; failed: string }
  | { messages: Forwarded[] }
  /** Ends a connection, with a reason code of MQTT 5 and a sentence. */
  | { cut: number; code: number; text: string }
  /** So many messages with QoS 1 did not reach the door. */
  | { lost: number };
export type FromDoor =
  | SentLine
  | { ready: { port: number } }
  | { failed: string }
  | ({ id: number; connection: number } & Asked)
  | { unsubscribed: number; filters: string[] }
  | { closed: number }
  /** So many messages were taken in. */
  | { taken: number }
  | { figures: DoorFigures };
