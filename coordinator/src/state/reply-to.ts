// Where and how the answer to a question over MQTT goes. Plain data, as it is stored with a task.

/** What a message says to clients of MQTT 5 beside its payload. */
export interface MessageTold {
  /** Correlation data, in base64. */
  readonly correlation?: string;
  readonly userProperties?: Readonly<Record<string, string | readonly string[]>>;
  /** A question is passed on with these two. */
  readonly responseTopic?: string;
  readonly expirySeconds?: number;
}

/** The topic of the answer to a question over MQTT. */
export interface ReplyTo {
  readonly kind: 'mqtt';
  /** The name of the agent in the question: the asker subscribes to the topic with this name. */
  readonly agent: string;
  /** The id of the question, which its asker chose. */
  readonly id: string;
  /** The topic of a key's own, which its program named in MQTT 5; missing: the topic of answers of the agent. */
  readonly response?: { readonly key: string; readonly id: string };
  /** What the answer says to a client of MQTT 5 beside its text. */
  readonly told?: MessageTold;
}
