// The door for people as the coordinator has it: a process that is started with it, and again when it ends. In: messages that the embedded
// broker sends to subscribers, and a judge. Out: what people's programs there say, and figures. Its end costs people a reconnect, never a node.
// Messages go down only where somebody subscribed to them, and are acknowledged, so that a process that hangs holds a bounded number; what a
// person publishes comes up alone, so that nothing can go round in a circle.
import { type ChildProcess, fork } from 'node:child_process';
import { isPrivate } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import { type Clock, type Timer, withDeadline } from '@blackroad/std/clock';
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
/** A process that lived for so long has not failed at its start. */
const livedMs = 60_000;
const stopWithinMs = 4000;
/** After this many waiting messages a batch goes without waiting for the end of the turn. */
const batchMessages = 200;
const lostToldMs = 1_000;

export class PeopleDoor {
  readonly #parts: PeopleDoorParts;
  readonly #listening = Promise.withResolvers<void>();
  readonly #timers: Timer[];
  #child: ChildProcess | null = null;
  #again: Timer | null = null;
  #isStopped = false;
  #failures = 0;
  #restarts = 0;
  #port: number | null = null;
  #problem: string | null = 'it is starting';
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
    this.#timers = [
      clock.every(bounds.hungMs / 2, () => this.#look()),
      clock.every(lostToldMs, () => this.#tellLost()),
      clock.every(recheckMs, () => this.#recheck()),
    ];
    this.#start();
  }

  /** Resolves when it listened for the first time. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }
  get port(): number | null {
    return this.#port;
  }
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  stand(): PeopleDoorStand {
    const { desk, refusals } = this.#parts;
    const { connections, subscriptions } = desk;
    const refused = refusals.counts();
    for (const [reason, count] of Object.entries(this.#figures?.refused ?? {}))
      refused[reason] = (refused[reason] ?? 0) + count;
    return {
      port: this.#port,
      problem: this.#problem,
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
    if (!this.#child || isPrivate(topic) || !desk.wants(topic)) return;
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

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#again?.cancel();
    for (const timer of this.#timers) timer.cancel();
    const child = this.#child;
    if (!child) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const { clock } = this.#parts;
    await withDeadline(clock, stopWithinMs, gone, () => new Error('late')).catch(() => child.kill('SIGKILL'));
  }

  #start(): void {
    const { settings, clock, log } = this.#parts;
    const startedMs = clock.monotonicMs();
    const child = fork(new URL(processFile, import.meta.url).pathname, [], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced', // payloads are bytes
      // Its lines come over the channel; what Node itself prints goes where ours goes.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child = child;
    child.on('error', (error) => log.error({ err: error }, 'the process of the door for people cannot be started'));
    child.on('message', (message) => this.#heard(child, message as FromDoor));
    child.on('close', (code, signal) => this.#ended(startedMs, code ?? signal));
    // A port that the system chose stays the same for programs that come again.
    this.#tell(child, { settings: { ...settings, port: this.#port ?? settings.port } });
  }

  #tell(child: ChildProcess, message: ToDoor): void {
    child.send(message, () => {}); // a child that is gone is noticed by its end
  }

  /** Before an answer, so that what a subscription brings is never older than what came before it. */
  #flush(): void {
    if (this.#batch.length === 0 || !this.#child) return;
    const messages = this.#batch;
    this.#batch = [];
    this.#tell(this.#child, { messages });
  }

  #heard(child: ChildProcess, message: FromDoor): void {
    const { desk, log } = this.#parts;
    if (child !== this.#child) return;
    if ('log' in message) log.child({ part: 'people-door' })[message.log](message.fields, message.text);
    else if ('question' in message) this.#answer(child, message);
    else if ('taken' in message) this.#taken(message.taken);
    else if ('unsubscribed' in message) desk.unsubscribed(message.unsubscribed, message.filters);
    else if ('closed' in message) desk.closed(message.closed);
    else if ('figures' in message) this.#figures = message.figures;
    else if ('ready' in message) {
      this.#port = message.ready.port;
      this.#problem = null;
      this.#listening.resolve();
      log.info(message.ready, 'the MQTT door for people works');
    } else if ('failed' in message) {
      this.#problem = message.failed;
      log.error({ problem: message.failed }, 'the MQTT door for people cannot listen, and tries again');
    }
    // Under `node --watch` each process also tells its parent which files it has loaded.
  }

  #answer(child: ChildProcess, { id, connection, ...asked }: Extract<FromDoor, { question: unknown }>): void {
    this.#flush();
    try {
      this.#tell(child, { id, answer: this.#parts.desk.answer(connection, asked) });
    } catch (error) {
      this.#parts.log.error({ err: error }, 'a question of the door for people could not be answered');
      this.#tell(child, { id, failed: (error as Error).message });
    }
  }

  #taken(many: number): void {
    for (const bytes of this.#sizes.splice(0, many)) this.#bytes -= bytes;
    this.#movedMs = this.#parts.clock.monotonicMs();
  }

  #look(): void {
    const { clock, bounds, log } = this.#parts;
    const child = this.#child;
    if (!child || this.#sizes.length === 0 || clock.monotonicMs() - this.#movedMs < bounds.hungMs) return;
    log.error({ waiting: this.#sizes.length }, 'the process of the door for people does not answer, and is ended');
    child.kill('SIGKILL');
  }

  #tellLost(): void {
    const { bounds, log } = this.#parts;
    if (this.#lost === 0 || !this.#child || this.#sizes.length > bounds.messages / 2) return;
    const lost = this.#lost;
    this.#lost = 0;
    log.error({ lost }, 'messages for people were lost, because too many waited: their programs have to connect again');
    this.#tell(this.#child, { lost });
  }

  #recheck(): void {
    const text = 'The key is not good any more, or has other rights.';
    for (const cut of this.#parts.desk.recheck())
      if (this.#child) this.#tell(this.#child, { cut, code: reasonCodes.administrative, text });
  }

  #ended(startedMs: number, how: number | string | null): void {
    const { clock, random, log, bounds, desk } = this.#parts;
    this.#child = null;
    this.#batch = [];
    this.#sizes = [];
    this.#bytes = 0;
    this.#lost = 0;
    this.#figures = null;
    desk.closedAll();
    if (this.#isStopped) return;
    this.#restarts++;
    this.#problem = `its process ended (${how}), and is started again`;
    if (clock.monotonicMs() - startedMs > livedMs) this.#failures = 0;
    const delayMs = backoffMs(bounds.restart, this.#failures++, random);
    log.error(
      { how, delayMs: Math.round(delayMs) },
      'the process of the MQTT door for people ended, and is started again',
    );
    this.#again = clock.after(delayMs, () => this.#start());
  }
}
