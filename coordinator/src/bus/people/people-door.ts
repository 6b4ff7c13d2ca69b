// The door for people as the coordinator has it: a process that is started with it, and again when it ends. In: messages that the embedded
// broker sends to subscribers, and a judge. Out: what people's programs there say, and figures. Its end costs people a reconnect, never a node.
// Messages go down only where somebody subscribed to them, and are acknowledged, so that a process that hangs holds a bounded number; what a
// person publishes comes up alone, so that nothing can go round in a circle.
import { isPrivate } from '@blackroad/protocol';
import type { Backoff } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import { KeptProcess } from '@blackroad/std/kept-process';
import type { Log } from '@blackroad/std/log';
import { isBundle } from '@blackroad/std/own-version';
import type { Random } from '@blackroad/std/random';
import type { Refusals } from '../../door/counted-refusals.ts';
import type { Forwarding } from '../aedes.ts';
import { propertiesOf } from './ask-request.ts';
import type { PeopleDesk } from './desk.ts';
import { reasonCodes } from './reason-codes.ts';
import type { DoorFigures, Forwarded, FromDoor, PeopleDoorSettings, ToDoor } from './wire.ts';

export interface PeopleDoorBounds {
  /** Messages that the process has not taken yet. Above half of it those with QoS 0 are left out. */
  messages: number;
  bytes: number;
  /** A process that takes none of them for so long is ended. */
  hungMs: number;
  restart: Backoff;
}
interface PeopleDoorParts {
  settings: PeopleDoorSettings;
  desk: PeopleDesk;
  /** The desk's. */
  refusals: Pick<Refusals, 'counts'>;
  bounds: PeopleDoorBounds;
  /** How often keys are looked at again. */
  recheckMs: number;
  clock: Clock;
  random: Random;
  log: Log;
}
interface PeopleDoorStand {
  /** Null: it does not listen now. */
  port: number | null;
  /** In words; null: programs can connect. */
  problem: string | null;
  /** Since when they cannot. */
  problemSinceMs: number | null;
  connections: number;
  subscriptions: number;
  /** Messages that wait for the process. */
  waiting: number;
  /** Messages that were left out because too many waited. */
  dropped: number;
  restarts: number;
  /** By reason: what the coordinator refused, and what the present process did by itself. */
  refused: Record<string, number>;
  /** Of the present process. */
  figures: DoorFigures | null;
}

const processFile = isBundle(import.meta.url) ? './people-door.mjs' : './process.ts';
/** After this many waiting messages a batch goes without waiting for the end of the turn. */
const batchMessages = 200;
const lostToldMs = 1_000;

export class PeopleDoor {
  readonly #parts: PeopleDoorParts;
  readonly #listening = Promise.withResolvers<void>();
  readonly #timers: Timer[];
  readonly #process: KeptProcess<FromDoor, ToDoor>;
  #restarts = 0;
  #port: number | null = null;
  #problem: string | null = 'it is starting';
  #problemSinceMs: number | null;
  #figures: DoorFigures | null = null;
  #batch: Forwarded[] = [];
  /** Bytes of the messages that were not taken, oldest first. */
  #sizes: number[] = [];
  #bytes = 0;
  #dropped = 0;
  #lost = 0;
  /** When the process last took something, or had nothing to take. */
  #movedMs = 0;

  constructor(parts: PeopleDoorParts) {
    const { clock, bounds, recheckMs } = parts;
    this.#parts = parts;
    this.#problemSinceMs = clock.nowMs();
    this.#timers = [
      clock.every(bounds.hungMs / 2, () => this.#look()),
      clock.every(lostToldMs, () => this.#tellLost()),
      clock.every(recheckMs, () => this.#recheck()),
    ];
    const { settings, random, log } = parts;
    this.#process = new KeptProcess({
      name: 'the MQTT door for people',
      path: new URL(processFile, import.meta.url).pathname,
      isBinary: true, // payloads are bytes
      restart: bounds.restart,
      // A port that the system chose stays the same for programs that come again.
      greeting: () => ({ settings: { ...settings, port: this.#port ?? settings.port } }),
      heard: (said) => this.#heard(said),
      ended: (words) => this.#ended(words),
      ...{ clock, random, log },
    });
    this.#process.start();
  }

  /** Resolves when it listened for the first time. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }
  get port(): number | null {
    return this.#port;
  }
  get pid(): number | undefined {
    return this.#process.pid;
  }

  stand(): PeopleDoorStand {
    const { desk, refusals } = this.#parts;
    const { connections, subscriptions } = desk;
    const refused = refusals.counts();
    for (const [reason, count] of Object.entries(this.#figures?.refused ?? {}))
      refused[reason] = (refused[reason] ?? 0) + count;
    return {
      port: this.#port,
      ...{ problem: this.#problem, problemSinceMs: this.#problemSinceMs },
      ...{ connections, subscriptions },
      waiting: this.#sizes.length,
      dropped: this.#dropped,
      restarts: this.#restarts,
      refused,
      figures: this.#figures,
    };
  }

  /** A message that goes to subscribers. */
  forward({ topic, payload, qos, retain, told, from }: Forwarding): void {
    const { desk, bounds } = this.#parts;
    if (!this.#process.isThere || isPrivate(topic) || !desk.wants(topic)) return;
    const share = Math.max(this.#sizes.length / bounds.messages, this.#bytes / bounds.bytes);
    if (share >= 1 || (qos === 0 && share >= 0.5)) {
      this.#dropped++;
      if (qos > 0) this.#lost++;
      return;
    }
    if (this.#sizes.length === 0) this.#movedMs = this.#parts.clock.monotonicMs();
    this.#sizes.push(payload.length);
    this.#bytes += payload.length;
    const properties = told ? { properties: propertiesOf(told) } : {};
    this.#batch.push({ topic, payload, qos, retain, ...properties, ...(from === undefined ? {} : { from }) });
    if (this.#batch.length === 1) setImmediate(() => this.#flush());
    else if (this.#batch.length >= batchMessages) this.#flush();
  }

  stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    return this.#process.stop();
  }

  /** Before an answer, so that what a subscription brings is never older than what came before it. */
  #flush(): void {
    if (this.#batch.length === 0) return;
    const messages = this.#batch;
    this.#batch = [];
    this.#process.tell({ messages });
  }

  #heard(message: FromDoor): void {
    const { desk, log } = this.#parts;
    if ('log' in message) log.child({ part: 'people-door' })[message.log](message.fields, message.text);
    else if ('question' in message) this.#answer(message);
    else if ('taken' in message) this.#taken(message.taken);
    else if ('unsubscribed' in message) desk.unsubscribed(message.unsubscribed, message.filters);
    else if ('closed' in message) desk.closed(message.closed);
    else if ('figures' in message) this.#figures = message.figures;
    else if ('ready' in message) {
      this.#port = message.ready.port;
      this.#problem = null;
      this.#problemSinceMs = null;
      this.#listening.resolve();
      log.info(message.ready, 'the MQTT door for people works');
    } else if ('failed' in message) {
      this.#problem = message.failed;
      this.#problemSinceMs ??= this.#parts.clock.nowMs();
      log.error({ problem: message.failed }, 'the MQTT door for people cannot listen, and tries again');
    }
    // Under `node --watch` each process also tells its parent which files it has loaded.
  }

  #answer({ id, connection, ...asked }: Extract<FromDoor, { question: unknown }>): void {
    this.#flush();
    try {
      this.#process.tell({ id, answer: this.#parts.desk.answer(connection, asked) });
    } catch (error) {
      this.#parts.log.error({ err: error }, 'a question of the door for people could not be answered');
      this.#process.tell({ id, failed: (error as Error).message });
    }
  }

  #taken(many: number): void {
    for (const bytes of this.#sizes.splice(0, many)) this.#bytes -= bytes;
    this.#movedMs = this.#parts.clock.monotonicMs();
  }

  #look(): void {
    const { clock, bounds, log } = this.#parts;
    if (this.#sizes.length === 0 || clock.monotonicMs() - this.#movedMs < bounds.hungMs) return;
    log.error({ waiting: this.#sizes.length }, 'the process of the door for people does not answer, and is ended');
    this.#process.kill();
  }

  #tellLost(): void {
    const { bounds, log } = this.#parts;
    if (this.#lost === 0 || this.#sizes.length > bounds.messages / 2) return;
    const lost = this.#lost;
    this.#lost = 0;
    log.error({ lost }, 'messages for people were lost, because too many waited: their programs have to connect again');
    this.#process.tell({ lost });
  }

  #recheck(): void {
    const text = 'The key is not good any more, or has other rights.';
    for (const cut of this.#parts.desk.recheck()) this.#process.tell({ cut, code: reasonCodes.administrative, text });
  }

  #ended(words: string | null): void {
    this.#batch = [];
    this.#sizes = [];
    this.#bytes = 0;
    this.#lost = 0;
    this.#figures = null;
    this.#parts.desk.closedAll();
    if (words === null) return;
    this.#restarts++;
    this.#problem = words;
    this.#problemSinceMs ??= this.#parts.clock.nowMs();
  }
}
