// The update of this node-agent, from the coordinator's order to a release that stays or is taken back. In: orders, and what the next process
// finds on the disk. Out: events, links in the home of the releases, and the end of this process, so that the launcher starts the other one.
// What is told was first written to the disk: whichever process comes next knows where the update stands. An order replaces the one before.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  compareVersions,
  type EventParams,
  type RefusedInstall,
  type UpdateNode,
  type UpdateState,
} from '@blackroad/protocol';
import { type Clock, sleep, type Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { ReleaseHome } from './release-home.ts';
import { soaksAtMost, startSoak } from './soak.ts';
import { refused, UpdateProblem } from './update-problem.ts';
import { isSameOrder, readRecord, saveRecord, type UpdateRecord } from './update-record.ts';

export interface UpdatesParts {
  home: ReleaseHome;
  /** The version that runs. */
  version: string;
  /** Brings the ordered release to `releases/<version>`; throws UpdateProblem, and then nothing was changed. */
  stage: (order: UpdateNode, signal: AbortSignal) => Promise<void>;
  /** Whether there is a key at all. */
  hasKeys: () => Promise<boolean>;
  soakMs: number;
  /** Tells the fleet of what was refused: it counts that. */
  refuse: (refusal: RefusedInstall) => Promise<void>;
  /** Ends this process in an orderly way. */
  restart: () => void;
  clock: Clock;
  log: Log;
}
/** What an update needs of the running node. */
export interface UpdatedNode {
  tell: (data: EventParams<'update'>) => void;
  models: () => string[];
  tasksRunning: () => number;
  isWelcome: () => boolean;
}
export interface Updates {
  /** Whether this node takes orders now: it trusts a key. */
  isReady(): Promise<boolean>;
  /** Goes on where the process before ended. */
  start(node: UpdatedNode): Promise<void>;
  receive(order: UpdateNode): void;
  stop(): void;
}

/** Tasks may end before the switch, for so long or for a soak time; those that take longer are handed back, uncounted. */
const tasksWithinMs = 30_000;
const tasksLookMs = 250;
/** The same order, that soon after its end, is one that crossed with the answer; later it means: try again. */
const repeatedWithinMs = 60_000;
const stayAgainMs = 10_000;
/** The launcher's deadline comes after the one that a release has itself. */
const launcherSlackS = 60;
const maxText = 1000;

export function createUpdates(parts: UpdatesParts): Updates {
  return new HomeUpdates(parts);
}

class HomeUpdates implements Updates {
  readonly #parts: UpdatesParts;
  #node: UpdatedNode | null = null;
  #record: UpdateRecord | null = null;
  #work: { abort: AbortController; ended: Promise<void> } | null = null;
  #soak: Timer | null = null;
  #endedMs: number | null = null;
  /** One after the other: an order may come while the one before is being written down. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: UpdatesParts) {
    this.#parts = parts;
  }

  isReady(): Promise<boolean> {
    return this.#parts.hasKeys();
  }

  async start(node: UpdatedNode): Promise<void> {
    const { home, log } = this.#parts;
    this.#node = node;
    this.#record = await readRecord(home.dir, log);
    // A disk that refuses writes ends no node.
    await this.#goOn().catch((err) => log.error({ err }, 'an update that was under way cannot go on'));
  }

  receive(order: UpdateNode): void {
    this.#last = this.#last.then(() => this.#take(order)).catch((error) => this.#broke(error));
  }

  stop(): void {
    this.#work?.abort.abort();
    this.#soak?.cancel();
    this.#node = null;
  }

  get #isOnTrial(): boolean {
    const { home, version } = this.#parts;
    return home.linked('trial') === version && home.linked('current') === version;
  }

  /** What the process before left. */
  async #goOn(): Promise<void> {
    const { home, version } = this.#parts;
    const record = this.#record;
    if (this.#isOnTrial) return this.#watch();
    // A release that the launcher could not write the way back of, or that was swapped by hand.
    if ((home.linked('current') ?? home.base) !== version) home.point('current', version);
    const isUnderWay = record !== null && ['fetching', 'staged', 'switching', 'soaking'].includes(record.state);
    if (!isUnderWay) {
      home.unlink('trial');
      this.#clearLater();
      return;
    }
    const { order } = record;
    if (order.version === version) return this.#commit();
    const why = home.note('went-back');
    const wasStarted = record.state === 'soaking' || home.note('trial-starts') !== null;
    if (why !== null || wasStarted) {
      home.unlink('trial');
      await this.#end('rolled-back', `${version} runs again: ${why ?? 'it was started in place of the new one'}`);
      home.removeNote('went-back');
      home.removeNote('trial-starts');
      return;
    }
    // It ended before the switch: the work is done again, with what is there.
    home.unlink('trial');
    this.#begin(order);
  }

  async #take(order: UpdateNode): Promise<void> {
    const { version, home, clock, log } = this.#parts;
    const record = this.#record;
    const isSame = record !== null && isSameOrder(order, record.order);
    const isBusy = this.#work !== null || this.#isOnTrial;
    const isJustOver = this.#endedMs !== null && clock.monotonicMs() - this.#endedMs < repeatedWithinMs;
    if (isSame && (isBusy || isJustOver)) return this.#tell(record);
    await this.#endWork();
    if (order.version === version) {
      if (this.#isOnTrial) return this.#save({ ...this.#fresh(order), models: record?.models ?? [], state: 'soaking' });
      return this.#save({ ...this.#fresh(order), state: 'committed' });
    }
    if (!this.#isOnTrial) return this.#begin(order);
    if (order.version !== (home.linked('previous') ?? home.base)) {
      // Nothing is told of it, so it is ordered again.
      log.warn({ version: order.version }, 'an update is not begun before the present one is over');
      return;
    }
    this.#soak?.cancel();
    await this.#save({ ...this.#fresh(order), state: 'switching' });
    this.#goBack();
  }

  #fresh(order: UpdateNode): UpdateRecord {
    return { order, state: 'fetching', text: '', from: this.#parts.version, models: [] };
  }

  #begin(order: UpdateNode): void {
    const abort = new AbortController();
    this.#endedMs = null;
    const ended = this.#update(order, abort.signal).catch((error) =>
      abort.signal.aborted ? undefined : this.#broke(error),
    );
    const work = { abort, ended };
    this.#work = work;
    void ended.then(() => {
      if (this.#work === work) this.#work = null;
    });
  }
  async #endWork(): Promise<void> {
    const work = this.#work;
    this.#work = null;
    work?.abort.abort();
    await work?.ended;
  }

  async #update(order: UpdateNode, signal: AbortSignal): Promise<void> {
    const { version: own, stage } = this.#parts;
    await this.#save(this.#fresh(order));
    if (!order.downgrade && compareVersions(order.version, own) < 0)
      throw refused(`${order.version} is older than ${own}, which runs here; nobody has consented to that`, 'older');
    await stage(order, signal);
    signal.throwIfAborted();
    await this.#step('staged');
    await this.#tasksEnded(signal);
    await this.#switch(order);
  }

  async #tasksEnded(signal: AbortSignal): Promise<void> {
    const { clock, soakMs } = this.#parts;
    const untilMs = clock.monotonicMs() + Math.min(tasksWithinMs, soakMs);
    while ((this.#node?.tasksRunning() ?? 0) > 0 && clock.monotonicMs() < untilMs)
      await sleep(clock, tasksLookMs, signal);
    signal.throwIfAborted();
  }

  /** `current` changes last: before that the launcher starts the old release. */
  async #switch(order: UpdateNode): Promise<void> {
    const { home, version, soakMs, restart } = this.#parts;
    home.removeNote('went-back');
    home.removeNote('trial-starts');
    await home.writeNote('trial-limit', String(Math.ceil((soakMs * soaksAtMost) / 1000) + launcherSlackS));
    await this.#step('switching', '', this.#node?.models() ?? []);
    home.point('previous', version);
    home.point('trial', order.version);
    home.point('current', order.version);
    restart();
  }

  async #watch(): Promise<void> {
    const { soakMs, clock } = this.#parts;
    if (this.#record) await this.#step('soaking');
    this.#soak = startSoak({
      soakMs,
      before: this.#record?.models ?? [],
      models: () => this.#node?.models() ?? [],
      isWelcome: () => this.#node?.isWelcome() ?? false,
      clock,
      onEnd: (lacking) => {
        this.#last = this.#last.then(() => (lacking === null ? this.#stay() : this.#giveUp(lacking)));
      },
    });
  }

  /** Again and again where the disk refuses to keep it: the coordinator waits for the word. */
  async #stay(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      await this.#commit();
    } catch (err) {
      log.error({ err }, 'that this release stays could not be kept');
      this.#soak = clock.after(stayAgainMs, () => void this.#stay());
    }
  }

  /** The trial is over with its link: what follows may be done by the next process. */
  async #commit(): Promise<void> {
    const { home } = this.#parts;
    home.unlink('trial');
    home.removeNote('trial-starts');
    if (this.#record) await this.#end('committed', '');
    await this.#removeOld();
  }

  async #giveUp(why: string): Promise<void> {
    const { home, log } = this.#parts;
    await home.writeNote('went-back', why).catch((err) => log.error({ err }, 'the reason could not be kept'));
    this.#goBack();
  }
  #goBack(): void {
    const { home, restart } = this.#parts;
    home.point('current', home.linked('previous') ?? home.base);
    home.unlink('trial');
    restart();
  }

  /** The installer leaves what lay here before its base. It has proven itself by then, so that the way back is not needed. */
  #clearLater(): void {
    const { clock, soakMs, log } = this.#parts;
    this.#soak = clock.after(soakMs, () => {
      const isFree = () => this.#work === null && !this.#isOnTrial;
      const cleared = this.#last.then(() => (isFree() ? this.#removeOld() : undefined));
      this.#last = cleared.catch((err) => log.warn({ err }, 'releases that are not needed any more stay'));
    });
  }

  /** What runs and the one before are kept. */
  async #removeOld(): Promise<void> {
    const { home, log } = this.#parts;
    const kept = home.inUse();
    for (const name of await readdir(home.releasesDir).catch(() => [])) {
      if (kept.includes(name)) continue;
      log.info({ version: name }, 'a release that is not needed any more is removed');
      await rm(join(home.releasesDir, name), { recursive: true, force: true });
    }
  }

  async #broke(error: unknown): Promise<void> {
    const { log, home, version } = this.#parts;
    const problem = error as Error;
    log.error({ err: problem }, 'the update did not get there');
    // A disk that is full between two links.
    if (home.linked('current') === version && !this.#isOnTrial) home.unlink('trial');
    const { state, reason } = problem instanceof UpdateProblem ? problem : { state: 'failed' as const, reason: null };
    await this.#end(state, problem.message).catch((err) => log.error({ err }, 'its end could not be kept'));
    if (reason !== null) this.#tellRefusal(reason);
  }

  #tellRefusal(reason: RefusedInstall['reason']): void {
    const { refuse, log } = this.#parts;
    const { version = '' } = this.#record?.order ?? {};
    const arch = process.arch as RefusedInstall['arch'];
    refuse({ reason, version, arch }).catch((err) => log.warn({ err }, 'the fleet did not hear of what was refused'));
  }

  async #end(state: UpdateState, text: string): Promise<void> {
    this.#endedMs = this.#parts.clock.monotonicMs();
    await this.#step(state, text);
  }
  async #step(state: UpdateState, text = '', models = this.#record?.models ?? []): Promise<void> {
    if (this.#record) await this.#save({ ...this.#record, state, text: text.slice(0, maxText), models });
  }
  async #save(record: UpdateRecord): Promise<void> {
    this.#record = record;
    await saveRecord(this.#parts.home.dir, record);
    this.#tell(record);
  }
  #tell({ order, state, text }: UpdateRecord): void {
    const { rollout, version } = order;
    this.#parts.log.info({ rollout, version, state, text }, 'the update of the node-agent');
    this.#node?.tell({ rollout, version, state, text });
  }
}
