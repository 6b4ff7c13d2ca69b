// The coordinator's side of the door for people: it answers the questions of that process by the rules of the embedded broker, and knows who is
// connected there. In: questions, and connections that end. Out: answers, questions of people for the coordinator, and who has to go. It keeps
// nothing that the process would need after a restart: its clients come again.
import {
  maxPeopleSubscriptions,
  maxRetainedPage,
  maxSubscriptionsPerConnection,
  type Principal,
  peopleReadNeeds,
  permissionWords,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Refusals } from '../../door/counted-refusals.ts';
import type { Doorkeeper } from '../../door/doorkeeper.ts';
import type { Claim, Gate } from '../../fleet/gate.ts';
import type { AedesBus, Forwarding } from '../aedes.ts';
import { createConnectJudge } from '../connect-judge.ts';
import type { ConnectLimits } from '../connects.ts';
import { publishing, refusalWords } from '../publishing.ts';
import type { Retained } from '../retained.ts';
import { maySubscribe, responsePrefix, type Who } from '../rights.ts';
import { askRequestOf } from './ask-request.ts';
import { Filters } from './filters.ts';
import { reasonCodes } from './reason-codes.ts';
import type { Asked, ConnectAsked, ConnectVerdict, Denied, PeopleMessage, Questions, RetainedPage } from './wire.ts';

interface DeskParts {
  bus: Pick<AedesBus, 'take' | 'takeRefused' | 'retained'>;
  gate: Gate;
  doorkeeper: Doorkeeper;
  /** Below which Home Assistant discovers devices; missing: nowhere. */
  discoveryPrefix?: string | null | undefined;
  refusals: Refusals;
  clock: Clock;
  limits: ConnectLimits;
}
interface Guest {
  who: Who & { as: 'people' };
  claim: Claim;
  clientId: string;
  filters: Set<string>;
  /** The retained messages of its newest subscriptions that were not asked for yet. */
  pages: Map<number, Iterator<Retained>>;
}

/** Retained messages of so many subscriptions of one connection may be half sent. */
const maxPages = maxSubscriptionsPerConnection;
/** What a refused publish is answered with in MQTT 5. */
const publishCodes: Record<string, number> = {
  topic: reasonCodes.notAuthorized,
  'rate-limited': reasonCodes.quota,
  'message-too-large': reasonCodes.quota,
};

export class PeopleDesk {
  readonly #parts: DeskParts;
  readonly #guests = new Map<number, Guest>();
  readonly #judge: ReturnType<typeof createConnectJudge>;
  #filters = new Filters();
  #pages = 0;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#judge = createConnectJudge(parts);
  }

  get connections(): number {
    return this.#guests.size;
  }
  get subscriptions(): number {
    return this.#filters.count;
  }

  wants(topic: string): boolean {
    return this.#filters.matches(topic);
  }

  answer(connection: number, { question, asked }: Asked): Questions[Asked['question']]['answer'] {
    if (question === 'connect') return this.#connect(connection, asked);
    const guest = this.#guests.get(connection);
    // Its connection ended, or its key did, while it asked.
    if (!guest) return question === 'retained' ? { messages: [], next: null } : gone;
    if (question === 'publish') return this.#publish(guest, asked);
    if (question === 'subscribe') return this.#subscribe(guest, asked.filter);
    return this.#retained(guest, asked);
  }

  unsubscribed(connection: number, filters: readonly string[]): void {
    const guest = this.#guests.get(connection);
    for (const filter of filters) if (guest?.filters.delete(filter)) this.#filters.remove(filter);
  }

  closed(connection: number): void {
    for (const filter of this.#guests.get(connection)?.filters ?? []) this.#filters.remove(filter);
    this.#guests.delete(connection);
  }
  closedAll(): void {
    this.#guests.clear();
    this.#filters = new Filters();
  }

  /** The connections whose key is not good any more, or has other rights. [INV-admitted] */
  recheck(): number[] {
    return [...this.#guests].flatMap(([connection, { who, claim }]) =>
      JSON.stringify(this.#parts.gate(claim)) === JSON.stringify(who) ? [] : [connection],
    );
  }

  #connect(connection: number, { address, clientId, username, password, will }: ConnectAsked): ConnectVerdict {
    const { refusals } = this.#parts;
    const packet = {
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
      ...(will ? { will: { topic: will.topic, payload: Buffer.from(will.payload) } } : {}),
    };
    const peer = {
      remoteAddress: address,
      getPeerX509Certificate: () => undefined,
      authorized: false,
      authorizationError: '',
    };
    const session = this.#judge(peer, packet);
    if ('refused' in session) {
      refusals.note(session.refused, { address }, session.text);
      return { refused: session.refused, text: wordsOf(session.refused), returnCode: session.returnCode ?? 5 };
    }
    const { who, claim } = session;
    if (who.as !== 'people') return { refused: 'role', text: 'People come in here, with a key.', returnCode: 5 };
    this.#guests.set(connection, { who, claim, clientId: packet.clientId, filters: new Set(), pages: new Map() });
    return { key: who.keyId, clientId: packet.clientId, keepsWill: packet.will !== undefined };
  }

  #publish({ who, clientId }: Guest, asked: PeopleMessage): Denied {
    const { bus, refusals } = this.#parts;
    const payload = Buffer.from(asked.payload);
    const { topic, qos, properties = {} } = asked;
    const wish = askRequestOf(who.keyId, topic, properties);
    const request = 'request' in wish ? wish.request : undefined;
    const message: Forwarding = { topic, payload, qos, retain: asked.retain, from: clientId };
    const allowed = publishing(who, topic, payload.length, this.#parts);
    const note = (fault: string) =>
      refusals.note(fault, { key: who.by.name, topic: topic.slice(0, 200), bytes: payload.length }, 'publish refused');
    if ('fault' in allowed) {
      note(allowed.fault);
      bus.takeRefused(message, who.by, allowed.fault, request);
      return {
        code: publishCodes[allowed.fault] as number,
        text: refusalWords(allowed.fault, topic) ?? 'This key may not publish here.',
      };
    }
    if ('denied' in wish) {
      note('ask-properties');
      return wish.denied;
    }
    const { responseTopic } = properties;
    const { told, expirySeconds } = wish.request;
    bus.take(
      {
        ...message,
        retain: message.retain && allowed.row.retain,
        told: {
          ...told,
          ...(responseTopic === undefined ? {} : { responseTopic }),
          ...(expirySeconds === undefined ? {} : { expirySeconds }),
        },
      },
      who.by,
      wish.request,
    );
    return null;
  }

  #subscribe(guest: Guest, filter: string): Denied {
    const { refusals, discoveryPrefix } = this.#parts;
    const { who, filters } = guest;
    if (filters.has(filter)) return null;
    const isFull = filters.size >= maxSubscriptionsPerConnection || this.#filters.count >= maxPeopleSubscriptions;
    if (isFull || !maySubscribe(who, filter, discoveryPrefix)) {
      const reason = isFull ? 'subscriptions' : 'filter';
      refusals.note(reason, { key: who.by.name, filter: filter.slice(0, 200) }, 'subscription refused');
      if (isFull)
        return {
          code: reasonCodes.quota,
          text: `At most ${maxSubscriptionsPerConnection} subscriptions of a connection.`,
        };
      return { code: reasonCodes.notAuthorized, text: refusedFilter(who.by, filter) };
    }
    filters.add(filter);
    this.#filters.add(filter);
    return null;
  }

  #retained(guest: Guest, asked: { filter: string } | { next: number }): RetainedPage {
    const { pages } = guest;
    const from = 'next' in asked ? pages.get(asked.next) : this.#parts.bus.retained(asked.filter)[Symbol.iterator]();
    if ('next' in asked) pages.delete(asked.next);
    const messages: PeopleMessage[] = [];
    while (from && messages.length < maxRetainedPage) {
      const { value, done } = from.next();
      if (done) return { messages, next: null };
      messages.push({ ...value, retain: true });
    }
    if (!from || pages.size >= maxPages) return { messages, next: null };
    const next = ++this.#pages;
    pages.set(next, from);
    return { messages, next };
  }
}

const gone: Denied = { code: reasonCodes.notAuthorized, text: 'This connection is not let in any more.' };

const refusalTexts: Record<string, string> = {
  starting: 'The coordinator is starting; come again.',
  flapping: 'This client came too often within a minute.',
  'refused-too-often': 'Too many wrong keys came from this address.',
};
/** A stranger is not told whether an id is known. */
function wordsOf(refused: string): string {
  return refusalTexts[refused] ?? 'The user name is the id of a key and the password its secret, or the whole key.';
}

function refusedFilter({ id }: Principal, filter: string): string {
  if (filter.startsWith(responsePrefix)) return `This key reads ${responsePrefix}${id}/+ alone.`;
  return `This key may read blackroad/v1/# without cmd and reply, with ${permissionWords(peopleReadNeeds)}.`;
}
