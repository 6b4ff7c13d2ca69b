// The updates of the operating system on this node, from the coordinator's order to what the part that runs as root made of it. In: orders, and
// what that part tells. Out: its order of one word, and events. What is told was first written to the disk, because the machine may restart:
// the next process goes on. One order at a time; a repeated one means the same again, and is answered with where it stands.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  counted,
  type EventParams,
  explain,
  listInWords,
  OsUpdateState,
  type OsUpdates,
  type Static,
  Type,
  UpdateOs,
} from '@blackroad/protocol';
import { type Clock, sleep, type Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { saveWhole } from '@blackroad/std/whole-file';
import { findRootPart, type RootPart, type RootResult } from './root-part.ts';

interface OsUpdatesParts {
  root: RootPart;
  /** The data folder. */
  dir: string;
  clock: Clock;
  log: Log;
}
interface UpdatedMachine {
  tell: (data: EventParams<'os-update'>) => void;
  tasksRunning: () => number;
}
export interface NodeOsUpdates {
  /** For the inventory. */
  stand(): OsUpdates;
  /** Goes on where the process before ended. */
  start(machine: UpdatedMachine): Promise<void>;
  receive(order: UpdateOs): void;
  stop(): void;
}

const Record = Type.Object({
  order: UpdateOs,
  state: OsUpdateState,
  text: Type.String({ maxLength: 1000 }),
  restart: Type.Boolean(),
  /** The run of root's part that was the last one before the order, and the boot of the machine then. */
  runBefore: Type.String({ maxLength: 64 }),
  boot: Type.String({ maxLength: 100 }),
});
type Record = Static<typeof Record>;

const fileName = 'os-update.json';
const lookMs = 2_000;
/** Tasks may end before a restart, for so long; those that take longer are handed back, uncounted. */
const tasksWithinMs = 30_000;
/** The same order, that soon after its end, is one that crossed with the answer; later it means: try again. */
const repeatedWithinMs = 60_000;
/** The unit of root's part ends before. */
const packagesWithinMs = 2 * 3_600_000;
/** Services have a minute and a half each to end. */
const downWithinMs = 600_000;
/** What waits is counted anew that often at most: it takes a Pi some seconds of its processor. */
const countEveryMs = 600_000;
const namesShown = 10;

/** Null: nothing on this machine updates its operating system for the coordinator. */
export function findOsUpdates({ dir, clock, log }: Omit<OsUpdatesParts, 'root'>): NodeOsUpdates | null {
  const root = findRootPart(dir, log);
  return root && createOsUpdates({ root, dir, clock, log });
}
export function createOsUpdates(parts: OsUpdatesParts): NodeOsUpdates {
  return new MachineUpdates(parts);
}

class MachineUpdates implements NodeOsUpdates {
  readonly #parts: OsUpdatesParts;
  #machine: UpdatedMachine | null = null;
  #record: Record | null = null;
  #work: AbortController | null = null;
  #endedMs: number | null = null;
  #countedMs: number | null = null;
  #timer: Timer | null = null;
  /** One after the other: an order may come while the one before is being written down. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: OsUpdatesParts) {
    this.#parts = parts;
  }

  stand(): OsUpdates {
    return this.#parts.root.stand();
  }

  async start(machine: UpdatedMachine): Promise<void> {
    const { clock, log } = this.#parts;
    this.#machine = machine;
    this.#record = await this.#read();
    await this.#goOn().catch((err) => log.error({ err }, 'an update of the system cannot go on'));
    this.#count();
    this.#timer = clock.every(30_000, () => this.#count());
  }

  receive(order: UpdateOs): void {
    this.#last = this.#last.then(() => this.#take(order)).catch((error) => this.#broke(error));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#work?.abort();
    this.#machine = null;
  }

  /** What the process before left. */
  async #goOn(): Promise<void> {
    const { root } = this.#parts;
    const record = this.#record;
    if (record === null) return;
    if (record.state === 'restarting' && root.bootId() !== record.boot) await this.#end('restarted', '');
    else if (record.state === 'begun' || record.state === 'restarting') this.#watch(record);
    // A person restarted the machine meanwhile.
    else if (record.state === 'updated' && record.restart && !root.restartNeeded())
      await this.#save({ ...record, restart: false });
  }

  async #take(order: UpdateOs): Promise<void> {
    const { clock, root } = this.#parts;
    const record = this.#record;
    const isSame = record?.order.rollout === order.rollout && record.order.job === order.job;
    const isJustOver = this.#endedMs !== null && clock.monotonicMs() - this.#endedMs < repeatedWithinMs;
    if (isSame && (this.#work !== null || isJustOver)) {
      this.#tell(record);
      return;
    }
    if (this.#work !== null && record?.state === 'restarting') return;
    this.#work?.abort();
    this.#work = null;
    const runBefore = root.result()?.run ?? '';
    const fresh: Record = { order, state: 'begun', text: '', restart: false, runBefore, boot: root.bootId() };
    const { takes, why } = root.stand();
    if (order.job !== 'restart' && !takes.includes(order.job)) {
      this.#record = fresh;
      await this.#end('refused', why ?? `this machine takes no ${order.job} updates`);
      return;
    }
    const abort = new AbortController();
    this.#work = abort;
    void this.#begin(fresh, abort).catch((error) => (abort.signal.aborted ? undefined : this.#broke(error)));
  }

  async #begin(fresh: Record, abort: AbortController): Promise<void> {
    const { root, clock } = this.#parts;
    const { job, withinMs } = fresh.order;
    const untilMs = clock.monotonicMs() + withinMs;
    if (job === 'restart') {
      const patienceMs = clock.monotonicMs() + Math.min(tasksWithinMs, withinMs / 2);
      while ((this.#machine?.tasksRunning() ?? 0) > 0 && clock.monotonicMs() < patienceMs)
        await sleep(clock, 250, abort.signal);
    }
    abort.signal.throwIfAborted();
    const atWork = root.result();
    // An order of a rollout that is over: its work is that of this one.
    if (job !== 'restart' && atWork?.state === 'running' && atWork.job === job) {
      await this.#save({ ...fresh, runBefore: '' });
      this.#watch({ ...fresh, runBefore: '' });
      return;
    }
    await this.#save({ ...fresh, state: job === 'restart' ? 'restarting' : 'begun' });
    await root.order(job);
    while (root.isWaiting()) {
      if (clock.monotonicMs() >= untilMs) {
        root.withdraw();
        throw new Error(`the part that runs as root did not take the order within ${Math.round(withinMs / 1000)} s`);
      }
      await sleep(clock, 250, abort.signal);
    }
    abort.signal.throwIfAborted();
    if (this.#record) this.#watch(this.#record);
  }

  /** Until root's part has told of the order, or takes too long. */
  #watch(record: Record): void {
    const { clock, root } = this.#parts;
    const { job } = record.order;
    const untilMs = clock.monotonicMs() + (job === 'restart' ? downWithinMs : packagesWithinMs);
    this.#work ??= new AbortController();
    const work = this.#work;
    const timer = clock.every(lookMs, () => {
      if (work.signal.aborted) {
        timer.cancel();
        return;
      }
      const result = root.result();
      const isOver = result?.job === job && result.run !== record.runBefore && result.state !== 'running';
      const isLate = clock.monotonicMs() >= untilMs;
      if (!isOver && !isLate) return;
      timer.cancel();
      const ended = this.#last.then(() => (isOver ? this.#close(result) : this.#late()));
      this.#last = ended.catch((error) => this.#broke(error));
    });
  }

  async #close(result: RootResult): Promise<void> {
    const { root } = this.#parts;
    const text = [result.text, packagesInWords(result)].filter(Boolean).join('; ');
    switch (result.state) {
      case 'done':
        await this.#end('updated', packagesInWords(result), root.restartNeeded());
        return;
      case 'unneeded':
        await this.#end('restarted', 'no package asks for a restart any more');
        return;
      default:
        await this.#end(result.state === 'refused' ? 'refused' : 'failed', text);
    }
  }
  #late(): Promise<void> {
    const isRestart = this.#record?.order.job === 'restart';
    return this.#end(
      'failed',
      isRestart ? 'the machine did not go down' : 'the part that runs as root did not say its end',
    );
  }

  async #broke(error: unknown): Promise<void> {
    const { log } = this.#parts;
    log.error({ err: error as Error }, 'the update of the system did not get there');
    await this.#end('failed', (error as Error).message).catch((err) => log.error({ err }, 'its end could not be kept'));
  }
  async #end(state: OsUpdateState, text: string, restart = false): Promise<void> {
    this.#endedMs = this.#parts.clock.monotonicMs();
    this.#work?.abort();
    this.#work = null;
    if (this.#record) await this.#save({ ...this.#record, state, text: text.slice(0, 1000), restart });
  }

  /** What waits, after apt has new lists or packages changed: by a word to root's part, which asks no network. */
  #count(): void {
    const { root, clock, log } = this.#parts;
    const nowMs = clock.monotonicMs();
    const isSoon = this.#countedMs !== null && nowMs - this.#countedMs < countEveryMs;
    if (this.#work !== null || isSoon || root.isWaiting() || !root.isOutdated()) return;
    this.#countedMs = nowMs;
    root.order('look').catch((err) => log.warn({ err }, 'what waits for an update is not counted'));
  }

  async #save(record: Record): Promise<void> {
    this.#record = record;
    await saveWhole(join(this.#parts.dir, fileName), JSON.stringify(record));
    this.#tell(record);
  }
  #tell({ order, state, text, restart }: Record): void {
    const { rollout, job } = order;
    this.#parts.log.info({ rollout, job, state, text }, 'the update of the system');
    this.#machine?.tell({ rollout, job, state, text, ...(state === 'updated' ? { restart } : {}) });
  }
  async #read(): Promise<Record | null> {
    try {
      const value: unknown = JSON.parse(await readFile(join(this.#parts.dir, fileName), 'utf8'));
      const fault = explain(Record, value);
      if (fault === '') return value as Record;
      throw new Error(fault);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#parts.log.warn({ problem: (error as Error).message }, 'the last update of the system is not known');
      return null;
    }
  }
}

function packagesInWords({ packages, count }: RootResult): string {
  if (count === 0) return 'nothing was to be updated';
  const named = packages
    .slice(0, namesShown)
    .map(({ name, from, to }) => `${name} ${from === '' ? to : `${from} to ${to}`}`);
  const more = count > named.length ? [`${count - named.length} more`] : [];
  return `${counted(count, 'package')}: ${listInWords([...named, ...more], 'and', namesShown + 1)}`;
}
