// The packets that never reach Aedes 2: PUBLISH, PUBREL and SUBSCRIBE. In: packets as they are parsed, in order. Out: questions to the
// coordinator, and answers to the client, which come after the coordinator's: what is acknowledged was taken in, or its refusal says why.
import type { Clock } from '@blackroad/std/clock';
import type { Refusals } from '../../door/counted-refusals.ts';
import { type AnyPacket, type CopiedPacket, insideClient } from './beta.ts';
import type { Caller } from './caller.ts';
import { reasonCodes } from './reason-codes.ts';
import { filterFault, topicFault } from './topic-faults.ts';
import type { Ask, Denied, MessageProperties, PeopleDoorLimits, PeopleMessage, RetainedPage } from './wire.ts';

interface PacketsParts {
  ask: Ask;
  limits: PeopleDoorLimits;
  clock: Clock;
  refusals: Refusals;
}
interface PublishPacket extends AnyPacket {
  topic: string;
  payload: string | Buffer;
  qos: 0 | 1 | 2;
  retain: boolean;
  messageId?: number;
  properties?: MessageProperties & { topicAlias?: number };
}
interface Subscription {
  topic: string;
  qos: number;
  nl?: boolean;
  rap?: boolean;
  rh?: number;
}
interface SubscribePacket extends AnyPacket {
  messageId: number;
  subscriptions: Subscription[];
  properties?: { subscriptionIdentifier?: number };
}

const away: Denied = { code: reasonCodes.implementation, text: 'The coordinator does not answer; try again.' };
/** What SUBACK of MQTT 3.1.1 says of every refusal. */
const failure = 0x80;

export class Packets {
  readonly #parts: PacketsParts;

  constructor(parts: PacketsParts) {
    this.#parts = parts;
  }

  /** The packets of this connection come here first from now on. */
  guard(caller: Caller): void {
    const { client } = caller;
    const inside = insideClient(client);
    const parser = inside._parser;
    const [toAedes] = parser.listeners('packet') as ((packet: AnyPacket) => void)[];
    parser.removeAllListeners('packet');
    // Before CONNACK nothing is answered; of a client that is not let in nothing ever is.
    let before = new Promise<void>((resolve) => client.once('connected', resolve)).then(() => caller.connected());
    /** What is retained goes out beside the answers to other packets: these would wait until the client has acknowledged it. */
    let retained = Promise.resolve();
    parser.on('packet', (packet: AnyPacket) => {
      if (packet.cmd === 'puback') caller.window.acknowledged();
      const answer = this.#answerTo(caller, packet, (send) => {
        retained = retained.then(send).catch(() => {}); // the connection ended, or the coordinator: it comes again
      });
      if (answer === null) return toAedes?.call(parser, packet);
      caller.spoke();
      inside._parsingBatch++;
      before = before.then(answer).then(
        () => inside._nextBatch(),
        (error: Error) => void client.emit('error', error),
      );
    });
  }

  #answerTo(
    caller: Caller,
    packet: AnyPacket,
    later: (send: () => Promise<void>) => void,
  ): (() => Promise<void>) | null {
    switch (packet.cmd) {
      case 'publish': {
        const { qos } = packet as PublishPacket;
        // A client of MQTT 5 was told how many it may send before the first of them is answered. [MQTT-3.3.4-7]
        if (qos > 0 && ++caller.flying > this.#parts.limits.inFlight && caller.version === 5)
          return async () => this.#cut(caller, reasonCodes.tooManyAtOnce, 'More messages at once than CONNACK allows.');
        return () =>
          this.#publish(caller, packet as PublishPacket).finally(() => {
            if (qos > 0) caller.flying--;
          });
      }
      case 'pubrel':
        return () => this.#release(caller, packet.messageId as number);
      case 'subscribe':
        return () => this.#subscribe(caller, packet as SubscribePacket, later);
      default:
        return null;
    }
  }

  async #publish(caller: Caller, packet: PublishPacket): Promise<void> {
    if (caller.isClosed && packet.qos > 0) return;
    const { topicAlias, ...properties } = packet.properties ?? {};
    if (topicAlias !== undefined)
      return this.#cut(caller, reasonCodes.aliasInvalid, 'Topic aliases are not taken, as CONNACK says.');
    const fault = topicFault(packet.topic) ?? wildcardIn(properties.responseTopic);
    if (fault !== null) return this.#cut(caller, reasonCodes.topicInvalid, fault);
    const messageId = packet.messageId as number;
    if (packet.qos === 2) {
      if (caller.begun.has(messageId)) return caller.write({ cmd: 'pubrec', messageId, reasonCode: 0 });
      if (caller.begun.size >= this.#parts.limits.halves)
        return this.#cut(caller, reasonCodes.tooManyAtOnce, 'More messages of QoS 2 are begun than are allowed.');
    }
    const { topic, payload, qos, retain } = packet;
    const asked: PeopleMessage = { topic, payload: Buffer.from(payload), qos, retain };
    if (Object.keys(properties).length > 0) asked.properties = properties;
    const denied = await this.#ask(caller, { question: 'publish', asked });
    if (qos === 0) return;
    // A client of MQTT 3.1.1 cannot be told: it brings the message again when its connection is back.
    if (denied === away && caller.version !== 5) return void caller.socket.destroy();
    const isDenied = denied !== null && caller.version === 5;
    if (qos === 2 && !isDenied) caller.begun.add(messageId);
    const reasonCode = denied?.code ?? reasonCodes.success;
    await caller.write({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode, ...caller.words(denied?.text) });
  }

  async #release(caller: Caller, messageId: number): Promise<void> {
    const reasonCode = caller.begun.delete(messageId) ? reasonCodes.success : reasonCodes.identifierUnknown;
    await caller.write({ cmd: 'pubcomp', messageId, reasonCode });
  }

  async #subscribe(
    caller: Caller,
    { messageId, subscriptions, properties }: SubscribePacket,
    later: (send: () => Promise<void>) => void,
  ): Promise<void> {
    const granted: number[] = [];
    const words = new Set<string>();
    const wanted: Subscription[] = [];
    for (const subscription of subscriptions) {
      const { topic } = subscription;
      const qos = Math.min(1, subscription.qos);
      const isNew = insideClient(caller.client).subscriptions[topic] === undefined;
      const denied =
        subscriptionFault(topic) ?? (await this.#ask(caller, { question: 'subscribe', asked: { filter: topic } }));
      if (denied !== null) {
        words.add(denied.text);
        granted.push(caller.version === 5 ? denied.code : failure);
        continue;
      }
      await subscribed(caller, { ...subscription, qos }, properties);
      caller.listens = true;
      granted.push(qos);
      // Retain handling. [MQTT-3.8.3-2]
      if (subscription.rh !== 2 && (subscription.rh !== 1 || isNew)) wanted.push({ ...subscription, qos });
    }
    const text = words.size > 0 ? [...words].join(' ') : undefined;
    await caller.write({ cmd: 'suback', messageId, granted, ...caller.words(text) });
    for (const each of wanted) later(() => this.#sendRetained(caller, each, properties?.subscriptionIdentifier));
  }

  async #sendRetained(caller: Caller, { topic, qos }: Subscription, identifier: number | undefined): Promise<void> {
    const { ask } = this.#parts;
    let asked: { filter: string } | { next: number } = { filter: topic };
    for (;;) {
      const page: RetainedPage = await ask(caller.number, { question: 'retained', asked });
      const { messages, next } = page;
      for (const message of messages) copyTo(caller, { ...message, qos: Math.min(qos, message.qos) }, identifier);
      if (next === null || caller.isClosed) return;
      await caller.window.rest();
      if (caller.socket.writableNeedDrain)
        await new Promise<void>((resolve) => insideClient(caller.client).waitForDrain(resolve));
      asked = { next };
    }
  }

  async #ask(caller: Caller, asked: Parameters<Ask>[1]): Promise<Denied> {
    try {
      return (await this.#parts.ask(caller.number, asked)) as Denied;
    } catch {
      return away;
    }
  }

  async #cut(caller: Caller, code: number, text: string): Promise<void> {
    this.#parts.refusals.note('protocol', caller.from, `connection cut: ${text}`);
    caller.cut(code, text);
  }
}

function subscribed(caller: Caller, subscription: Subscription, properties: SubscribePacket['properties']) {
  return new Promise<void>((resolve) => {
    const packet = { cmd: 'subscribe', subscriptions: [subscription], ...(properties ? { properties } : {}) };
    caller.client.subscribe(packet as never, () => resolve());
  });
}

function copyTo(caller: Caller, message: PeopleMessage, identifier: number | undefined): void {
  const inside = insideClient(caller.client);
  const properties =
    identifier === undefined ? message.properties : { ...message.properties, subscriptionIdentifier: identifier };
  const packet = { cmd: 'publish', ...message, retain: true, brokerId: null, ...(properties ? { properties } : {}) };
  const deliver = message.qos > 0 ? inside.deliverQoS : inside.deliver0;
  deliver(packet as CopiedPacket, () => {});
}

function subscriptionFault(filter: string): Denied {
  if (filter.startsWith('$share/'))
    return { code: reasonCodes.noSharedSubscriptions, text: 'Subscriptions cannot be shared here.' };
  const text = filterFault(filter);
  return text === null ? null : { code: reasonCodes.filterInvalid, text };
}

function wildcardIn(topic: string | undefined): string | null {
  return topic === undefined ? null : topicFault(topic) && 'The response topic has to be a topic without + and #.';
}
