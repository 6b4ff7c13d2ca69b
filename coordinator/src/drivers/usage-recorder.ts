// Ends of tasks are added up to days, which are written once a minute. Each end counts once: ends that a crash kept from being written are
// read again from the tasks. In: tasks that ended. Out: rows of usage.
import { maxUsageRowsPerDay, priceOn, type TokenPrice, tierOf } from '@blackroad/protocol';
import { type CloudCatalogue, referenceOf } from '@blackroad/protocol/cloud-models';
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { type AnsweredRequest, createUsageDays, hasOddTokens, type UsagePrices } from '../history/usage-days.ts';
import type { EndedTask } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import type { Store } from '../store/store.ts';

/** Usage is written once a minute, and earlier when writing it would take more than some milliseconds. */
const manyUsageRows = 500;
const recoverRows = 500;

interface UsageParts {
  view: View;
  /** Of paid models: what the fleet's own answers are compared with. */
  cloud: CloudCatalogue;
  store: Store;
  clock: Clock;
  log: Log;
  beganMs: number;
}

export class UsageRecorder {
  readonly #parts: UsageParts;
  readonly #days = createUsageDays();
  /** Ends that are both noted and read from the store while the ends before the last start are read: each counts once. */
  readonly #heard = new Set<string>();
  readonly #readAgain = new Set<string>();
  #isRecovered = false;

  constructor(parts: UsageParts) {
    this.#parts = parts;
  }

  note(task: EndedTask): void {
    if (!this.#isRecovered) this.#heard.add(task.id);
    if (!this.#readAgain.delete(task.id)) this.#days.add(task, this.#pricesOf(task.node, task.usage?.model));
  }
  noteRequest(request: AnsweredRequest): void {
    this.#days.addRequest(request, this.#pricesOf(request.node, request.model));
  }
  #pricesOf(node: string | null, model = ''): UsagePrices {
    const own = priceOn(this.#parts.view.live.get(node ?? '')?.capacity, model);
    return { own, cloud: own ? null : this.#cloudPriceOf(node ?? '', model) };
  }
  /** Made-up answers, and those of a model that its node does not tell of now, are compared with nothing. */
  #cloudPriceOf(node: string, name: string): TokenPrice | null {
    const { view, cloud } = this.#parts;
    const model = view.live.get(node)?.capacity?.models.find((each) => each.name === name);
    if (!model || view.nodes.get(node)?.simulated !== false) return null;
    return referenceOf(cloud, model.kind === 'embed' ? 'embed' : tierOf(model).name)?.price ?? null;
  }

  hasMuch(): boolean {
    return this.#days.size() >= manyUsageRows;
  }

  /** Called at the end of a minute: an end that was read from the store has been noted by now, or never will be. */
  forgetReadAgain(): void {
    if (this.#isRecovered) this.#readAgain.clear();
  }

  async write(): Promise<void> {
    const { store, clock } = this.#parts;
    if (!this.#isRecovered) return;
    const taken = this.#days.take(clock.nowMs());
    if (!taken) return;
    const { rows, uptoMs } = taken;
    // The mark and the sums are written by one call, as they must agree.
    const full = new Set<number>();
    for (const day of new Set(rows.map((row) => row.day)))
      if ((await store.usageRows(day)) >= maxUsageRowsPerDay) full.add(day);
    const merged = rows.map((row) => (full.has(row.day) ? { ...row, agent: '', node: '', key: '' } : row));
    try {
      await store.addUsage(merged, uptoMs);
    } catch (error) {
      // While the disk is full the days keep their sums.
      this.#days.giveBack(rows);
      throw error;
    }
  }

  /** Adds the ends that were not added before the last stop, by the order of the tasks alone: the clock may have been set back since. */
  async recover(): Promise<void> {
    const { store, clock, log, beganMs } = this.#parts;
    let fromMs = await store.usageUptoMs();
    if (fromMs === null) {
      fromMs = beganMs;
      await store.addUsage([], beganMs);
    }
    const missed = createUsageDays();
    let odd = 0;
    let lastMs = 0;
    for (let afterId = ''; ; ) {
      const page = await store.endedFrom(fromMs, afterId, recoverRows);
      for (const task of page) {
        if (this.#heard.has(task.id)) continue;
        if (task.endedMs >= beganMs) this.#readAgain.add(task.id);
        if (hasOddTokens(task)) odd++;
        missed.add(task, this.#pricesOf(task.node, task.usage?.model));
        lastMs = Math.max(lastMs, task.endedMs);
      }
      const last = page.at(-1);
      if (!last || page.length < recoverRows) break;
      fromMs = last.endedMs;
      afterId = last.id;
      await new Promise<void>((resolve) => clock.soon(resolve));
    }
    if (odd > 0)
      log.warn({ tasks: odd }, 'tokens that no model can have made are left out of the usage; the tasks count');
    const taken = missed.take(Number.POSITIVE_INFINITY);
    if (taken) await store.addUsage(taken.rows, lastMs + 1);
    this.#isRecovered = true;
    this.#heard.clear();
  }
}
