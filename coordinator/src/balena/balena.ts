// The driver of balena: looks at its fleets now and then, pins what rollouts want pinned, and prepares devices that people import. In: the
// view, and the process that speaks with balena. Out: inputs of the coordinator. One thing at a time, so that a device never gets two orders
// at once. What balena does not take is tried again, later and later, and never before balena says so.
import { FleetError, maxRolloutOrdersAtOnce } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { Coordinator } from '../road/coordinator.ts';
import { isAwaited, pinsDue } from '../rollouts/balena.ts';
import type { BalenaDeviceRow, BalenaPin } from '../state/balena-stand.ts';
import { BalenaFault, type BalenaProcess } from './balena-process.ts';
import type { BalenaCall, BalenaSettings } from './wire.ts';

interface BalenaParts {
  settings: BalenaSettings;
  process: Pick<BalenaProcess, 'call' | 'stop'>;
  coordinator: Pick<Coordinator, 'submit' | 'view'>;
  clock: Clock;
  random: Random;
  log: Log;
}
interface Trouble {
  text: string;
  sinceMs: number;
  nextMs: number;
}

const turnMs = 1_000;
const lookMs = 60_000;
/** While devices are under way; and a look takes at most a tenth of the time. */
const soonMs = 5_000;
const restShare = 10;
const retry: Backoff = { firstMs: 5_000, maxMs: 300_000 };
/** Pins of one turn; a look has its turn between them. */
const pinsAtOnce = 20;
/** Questions of people that wait for their turn. */
const maxWorks = 8;

export class Balena {
  readonly #parts: BalenaParts;
  readonly #timer: Timer;
  #work: Promise<unknown> = Promise.resolve();
  /** Those that wait, and the one under way. */
  #works = 0;
  #looking: Promise<void> | null = null;
  #lookedMs: number | null = null;
  #lookTookMs = 0;
  #failures = 0;
  /** By device, while something is to be pinned. */
  readonly #failedPins = new Map<string, number>();
  /** Nothing is asked before, by the monotonic clock. */
  #quietUntilMs = 0;
  #trouble: Omit<Trouble, 'nextMs'> | null = null;
  #isStopped = false;

  constructor(parts: BalenaParts) {
    this.#parts = parts;
    this.#timer = parts.clock.every(turnMs, () => this.#turn());
    this.#turn();
  }

  get settings(): Readonly<BalenaSettings> {
    return this.#parts.settings;
  }
  /** Why balena does not answer now; null: it does, or was not asked yet. */
  get trouble(): Trouble | null {
    const nextMs = this.#parts.clock.nowMs() + this.#waitMs();
    return this.#trouble && { ...this.#trouble, nextMs: Math.round(nextMs) };
  }
  /** Asks balena now; whoever wants the same meanwhile gets the same answer. Rejects with FleetError. */
  look(): Promise<void> {
    this.#looking ??= this.#asked(() => this.#look()).finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }
  /** Sets variables and a tag of a device. Rejects with FleetError. */
  async prepare(device: number, variables: Readonly<Record<string, string>>, tag: string): Promise<void> {
    const refused = await this.#asked(() => this.#unlessRefused({ call: 'prepare', device, variables, tag }));
    if (refused !== null) throw new FleetError('conflict', { detail: refused });
  }
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer.cancel();
    await this.#parts.process.stop();
  }

  #turn(): void {
    const { clock, coordinator, log } = this.#parts;
    if (this.#works > 0 || this.#isStopped || this.#waitMs() > 0) return;
    const pins = this.#pins();
    const soon = Math.max(soonMs, this.#lookTookMs * restShare);
    const everyMs = isAwaited(coordinator.view) ? Math.min(soon, lookMs) : lookMs;
    const isLookDue = this.#lookedMs === null || clock.monotonicMs() - this.#lookedMs >= everyMs;
    if (pins.length === 0 && !isLookDue) return;
    this.#alone(async () => {
      if (isLookDue) await this.#look();
      for (const pin of pins) await this.#pin(pin);
    }).catch((error) => {
      if (!(error instanceof BalenaFault || this.#isStopped)) log.error({ err: error }, 'the driver of balena failed');
    });
  }

  /** One after the other. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#works++;
    const done = this.#work.then(async () => {
      try {
        // Balena may have asked for patience while this waited.
        if (this.#trouble && this.#waitMs() > 0) throw this.#away(this.#trouble.text);
        const value = await work();
        this.#failures = 0;
        this.#trouble = null;
        return value;
      } catch (error) {
        if (error instanceof BalenaFault) this.#failed(error);
        throw error;
      } finally {
        this.#works--;
      }
    });
    this.#work = done.catch(() => {}); // whoever asked hears of it
    return done;
  }
  async #asked<T>(work: () => Promise<T>): Promise<T> {
    if (this.#works >= maxWorks) throw this.#away('too many questions to balena wait');
    try {
      return await this.#alone(work);
    } catch (error) {
      throw error instanceof BalenaFault ? this.#away(error.message) : error;
    }
  }
  #away(text: string): FleetError {
    const retryAfterSeconds = Math.max(1, Math.ceil(this.#waitMs() / 1000));
    return new FleetError('unavailable', {
      detail: `${text}. It is asked again in ${retryAfterSeconds} s.`,
      retryAfterSeconds,
    });
  }
  #waitMs(): number {
    return Math.max(0, this.#quietUntilMs - this.#parts.clock.monotonicMs());
  }

  /** Those that failed come last, so that one device which balena cannot serve holds no other up. */
  #pins(): BalenaPin[] {
    const due = pinsDue(this.#parts.coordinator.view, maxRolloutOrdersAtOnce);
    if (due.length === 0) this.#failedPins.clear();
    const failures = ({ device }: BalenaPin) => this.#failedPins.get(device) ?? 0;
    return due.sort((a, b) => failures(a) - failures(b)).slice(0, pinsAtOnce);
  }
  async #look(): Promise<void> {
    const { process, coordinator, clock } = this.#parts;
    const askedMs = clock.nowMs();
    const beganMs = clock.monotonicMs();
    // A look that fails is due again as soon as balena may be asked.
    this.#lookedMs = null;
    const devices: BalenaDeviceRow[] = [];
    const { fleets } = await process.call({ call: 'look' }, (page) => devices.push(...page));
    this.#lookedMs = beganMs;
    this.#lookTookMs = clock.monotonicMs() - beganMs;
    await coordinator.submit('balena-found', { found: { askedMs, fleets, devices } });
  }
  async #pin(pin: BalenaPin): Promise<void> {
    const { device, release } = pin;
    this.#failedPins.set(device, (this.#failedPins.get(device) ?? 0) + 1);
    const refused = await this.#unlessRefused({ call: 'pin', device, release: release.id });
    this.#failedPins.delete(device);
    const outcome = refused === null ? 'pinned' : 'refused';
    await this.#parts.coordinator.submit('balena-pin', { told: { ...pin, outcome, text: refused ?? '' } });
  }
  /** Why balena will never do it; null: it did. */
  async #unlessRefused(asked: BalenaCall): Promise<string | null> {
    try {
      await this.#parts.process.call(asked);
      return null;
    } catch (error) {
      if (error instanceof BalenaFault && error.kind === 'refused') return error.message;
      throw error;
    }
  }

  #failed({ kind, message: text, retryAfterS }: BalenaFault): void {
    const { clock, random, log, coordinator } = this.#parts;
    if (this.#isStopped) return;
    const waitMs = Math.max(retryAfterS * 1000, backoffMs(retry, this.#failures++, random));
    this.#quietUntilMs = clock.monotonicMs() + waitMs;
    if (this.#trouble?.text !== text) log.warn({ kind, waitS: Math.round(waitMs / 1000) }, text);
    this.#trouble = { text, sinceMs: this.#trouble?.sinceMs ?? clock.nowMs() };
    for (const pin of pinsDue(coordinator.view, maxRolloutOrdersAtOnce))
      coordinator.submit('balena-pin', { told: { ...pin, outcome: 'trouble', text } }).catch(() => {}); // told with the next fault
  }
}
