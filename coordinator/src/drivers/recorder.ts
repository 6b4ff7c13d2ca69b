// The history of the fleet is recorded here: heartbeats are rolled up and written once a minute, quarter hours are made of the stored
// minutes, and ends of tasks are added up to days. Nothing here is decided or told, and a crash loses at most the running minute (usage is
// read again from the tasks). Writes come in slices of a few milliseconds. In: the rows that batches touched. Out: rows of the store.
import {
  type FleetMetric,
  fleetMetrics,
  type History,
  type HistoryRange,
  historyRanges,
  maxUsageDays,
  type NodeMetric,
  nodeMetrics,
} from '@blackroad/protocol';
import type { CloudCatalogue } from '@blackroad/protocol/cloud-models';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { combine, pack, pick, seriesPerPart } from '../history/cells.ts';
import { createMinute, fleetMetricAt, nodeMetricAt, readHealth } from '../history/samples.ts';
import type { AnsweredRequest } from '../history/usage-days.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { EndedTask } from '../state/rows.ts';
import type { Touched } from '../state/touched.ts';
import type { RollupRow, Store, UsageRow } from '../store/store.ts';
import { SeriesNumbers } from './series-numbers.ts';
import { UsageRecorder } from './usage-recorder.ts';

export const minuteS = 60;
export const quarterS = 900;
const dayS = 86_400;
/** A range that ends now begins a little earlier than it was asked for: its oldest point must be complete. */
const keepMinutesS = historyRanges.day + 2 * quarterS;
const keepQuartersS = historyRanges.month + dayS;
/** Rows of one write or read: a few milliseconds of work. */
const sliceRows = 40;
const readRows = 120;
const fleet = '*';

interface FleetGauges {
  queued: number;
  running: number;
  nodesOnline: number;
  agentsReady: number;
}
interface RecorderParts {
  coordinator: Coordinator;
  cloud: CloudCatalogue;
  clock: Clock;
  log: Log;
  gauges: () => FleetGauges;
}
/** The state of the history in the store when the recorder begins. */
interface Before {
  beganMs: number;
  series: Awaited<ReturnType<Store['series']>>;
  lastQuarterS: number | null;
}

export async function createRecorder(parts: RecorderParts): Promise<Recorder> {
  const { store } = parts.coordinator;
  // The recorder listens before it reads the store: tasks that end meanwhile are read again from the store.
  const beganMs = parts.clock.nowMs();
  const series = await store.series();
  return new Recorder(parts, { beganMs, series, lastQuarterS: await store.lastRollupS(quarterS) });
}

const ofFleet = { [fleetMetricAt.tasksEnded]: 1, [fleetMetricAt.tasksFailed]: 1, [fleetMetricAt.tokens]: minuteS };
const ofNode = { [nodeMetricAt.tokens]: minuteS };

export class Recorder {
  readonly #parts: RecorderParts;
  readonly #store: Store;
  readonly #series: SeriesNumbers;
  readonly #fleetNumber: number;
  readonly #usage: UsageRecorder;
  readonly #minute = createMinute();
  readonly #lastHealth = new Map<number, object>();
  readonly #timer: Timer;
  #minuteAtS: number;
  /** The minute that was written before it had ended. */
  #earlyS: number;
  #quarterUptoS: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: RecorderParts, { beganMs, series, lastQuarterS }: Before) {
    const { coordinator, cloud, clock, log } = parts;
    const { view, store } = coordinator;
    this.#parts = parts;
    this.#store = store;
    this.#series = new SeriesNumbers(series);
    this.#fleetNumber = this.#series.of(fleet);
    this.#usage = new UsageRecorder({ view, cloud, store, clock, log, beganMs });
    this.#minuteAtS = Math.floor(beganMs / 1000 / minuteS) * minuteS;
    this.#earlyS = this.#minuteAtS;
    this.#quarterUptoS = (lastQuarterS ?? this.#minuteAtS - (this.#minuteAtS % quarterS) - keepMinutesS) + quarterS;
    this.#timer = clock.every(1000, () => this.tick());
    this.#write(() => this.#usage.recover());
  }

  note(touched: Touched): void {
    const { view } = this.#parts.coordinator;
    for (const id of touched.nodes) {
      const health = view.live.get(id)?.health;
      const row = view.nodes.get(id);
      if (!row) {
        this.#series.end(id, this.#parts.clock.nowMs());
        continue;
      }
      if (!health) continue;
      const number = this.#series.of(id);
      if (this.#lastHealth.get(number) === health) continue;
      this.#lastHealth.set(number, health);
      for (const [metric, value] of Object.entries(readHealth(health, row.info)))
        this.#minute.sample(number, nodeMetricAt[metric as NodeMetric], value);
    }
    for (const task of touched.ended) this.#noteEnd(task);
  }
  /** A request to a model that was answered: its tokens are those of its node, too. */
  noteRequest(request: AnsweredRequest): void {
    this.#usage.noteRequest(request);
    const { node, completionTokens } = request;
    this.#minute.count(this.#fleetNumber, fleetMetricAt.tokens, completionTokens);
    if (completionTokens > 0) this.#minute.count(this.#series.of(node), nodeMetricAt.tokens, completionTokens);
  }
  #noteEnd(task: EndedTask): void {
    this.#usage.note(task);
    if (task.state === 'cancelled') return;
    const minute = this.#minute;
    const tokens = task.usage?.completionTokens ?? 0;
    minute.count(this.#fleetNumber, fleetMetricAt[task.state === 'done' ? 'tasksEnded' : 'tasksFailed'], 1);
    minute.count(this.#fleetNumber, fleetMetricAt.tokens, tokens);
    if (task.node !== null && tokens > 0) minute.count(this.#series.of(task.node), nodeMetricAt.tokens, tokens);
  }

  /** Called every second: samples the fleet, and writes the minute that has ended. */
  tick(): void {
    const { gauges, clock } = this.#parts;
    const { queued, running, nodesOnline, agentsReady } = gauges();
    this.#minute.sample(this.#fleetNumber, fleetMetricAt.tasksQueued, queued);
    this.#minute.sample(this.#fleetNumber, fleetMetricAt.tasksRunning, running);
    this.#minute.sample(this.#fleetNumber, fleetMetricAt.nodesOnline, nodesOnline);
    this.#minute.sample(this.#fleetNumber, fleetMetricAt.agentsReady, agentsReady);
    if (this.#usage.hasMuch()) this.#write(() => this.#usage.write());
    const nowS = Math.floor(clock.nowMs() / 1000 / minuteS) * minuteS;
    if (nowS === this.#minuteAtS) return;
    this.#usage.forgetReadAgain();
    const atS = this.#minuteAtS;
    this.#minuteAtS = nowS;
    this.#write(async () => {
      await this.#writeMinute(atS);
      await this.#usage.write();
      await this.#writeQuarters(nowS);
    });
  }

  nodeHistory(node: string, metric: NodeMetric, range: HistoryRange): Promise<History> {
    return this.#history(node, nodeMetricAt[metric], { node, metric, unit: nodeMetrics[metric].unit, range });
  }
  fleetHistory(metric: FleetMetric, range: HistoryRange): Promise<History> {
    return this.#history(fleet, fleetMetricAt[metric], { node: null, metric, unit: fleetMetrics[metric].unit, range });
  }
  async #history(
    id: string,
    metricAt: number,
    head: Pick<History, 'node' | 'metric' | 'unit' | 'range'>,
  ): Promise<History> {
    const tier = head.range === 'hour' || head.range === 'day' ? minuteS : quarterS;
    const toMs = this.#parts.clock.nowMs();
    const fromS = Math.floor((toMs / 1000 - historyRanges[head.range]) / tier) * tier;
    const number = this.#series.find(id);
    const points: number[][] = [];
    if (number !== null) {
      const part = Math.floor(number / seriesPerPart);
      const place = number % seriesPerPart;
      for (let at = fromS; ; ) {
        const rows = await this.#store.rollups(tier, part, at, Math.floor(toMs / 1000), readRows);
        for (const { atS, cells } of rows) {
          const span = pick(cells, place, metricAt);
          if (span) points.push([atS * 1000, span.min, span.mean, span.max]);
        }
        const last = rows.at(-1);
        if (!last || rows.length < readRows) break;
        at = last.atS + 1;
        await this.#turn();
      }
      // The running minute is included as far as it goes: a chart that ends a minute ago looks as if the fleet were down.
      const nowMs = this.#minuteAtS * 1000;
      const now = tier === minuteS && points.at(-1)?.[0] !== nowMs ? this.#minute.sofar(number, metricAt) : null;
      if (now) points.push([nowMs, now.min, now.mean, now.max]);
    }
    return { ...head, resolutionS: tier, fromMs: fromS * 1000, toMs, points };
  }

  /** Writes all complete rows, and the running minute. */
  flush(): Promise<void> {
    return this.#write(async () => {
      await this.#writeMinute(this.#minuteAtS);
      this.#earlyS = this.#minuteAtS;
      await this.#usage.write();
      await this.#writeQuarters(Math.floor(this.#parts.clock.nowMs() / 1000 / quarterS) * quarterS);
    });
  }

  /** Deletes old rows; resolves when none is left. */
  prune(): Promise<void> {
    return this.#write(async () => {
      const nowS = Math.floor(this.#parts.clock.nowMs() / 1000);
      const seriesMs = (nowS - keepQuartersS) * 1000;
      const tiers = { [minuteS]: nowS - keepMinutesS, [quarterS]: nowS - keepQuartersS };
      const day = Math.floor(nowS / dayS) - maxUsageDays;
      while ((await this.#store.pruneRollups({ tiers, day, seriesMs })) > 0) await this.#turn();
      for (const number of this.#series.free(seriesMs)) this.#lastHealth.delete(number);
    });
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** Does one piece of work after the other; a failure is logged, and the next piece is done all the same. */
  #write(work: () => Promise<void>): Promise<void> {
    const { log } = this.#parts;
    this.#writing = this.#writing.then(work).catch((error) => log.warn({ err: error }, 'history could not be written'));
    return this.#writing;
  }
  async #writeMinute(atS: number): Promise<void> {
    const rows: RollupRow[] = [];
    for (const [part, cells] of this.#minute.take((number) => (number === this.#fleetNumber ? ofFleet : ofNode))) {
      // A minute that was written before it had ended has a row already, from before a restart or a stop.
      const [early] = atS === this.#earlyS ? await this.#store.rollups(minuteS, part, atS, atS + 1, 1) : [];
      const whole = pack(cells);
      rows.push({ tier: minuteS, part, atS, cells: early ? combine([early.cells, whole]) : whole });
    }
    await this.#putRows(rows);
  }
  /** Made of stored minutes, so that a restart in the middle of a quarter hour loses none of it. */
  async #writeQuarters(uptoS: number): Promise<void> {
    const parts = Math.floor(this.#series.highest() / seriesPerPart) + 1;
    for (; this.#quarterUptoS + quarterS <= uptoS; this.#quarterUptoS += quarterS) {
      const [fromS, beforeS] = [this.#quarterUptoS, this.#quarterUptoS + quarterS];
      const rows: RollupRow[] = [];
      for (let part = 0; part < parts; part++) {
        const minutes = await this.#store.rollups(minuteS, part, fromS, beforeS, quarterS / minuteS);
        if (minutes.length > 0)
          rows.push({ tier: quarterS, part, atS: fromS, cells: combine(minutes.map(({ cells }) => cells)) });
        if (part % sliceRows === sliceRows - 1) await this.#turn();
      }
      if (rows.length > 0) await this.#putRows(rows);
    }
  }
  async #putRows(rows: RollupRow[]): Promise<void> {
    const named = this.#series.takeUnwritten();
    for (let at = 0; at < rows.length || at === 0; at += sliceRows) {
      const slice = rows.slice(at, at + sliceRows);
      try {
        if (slice.length > 0 || named.length > 0)
          await this.#store.putRollups(at === 0 ? { rows: slice, series: named } : { rows: slice });
      } catch (error) {
        // Later minutes use the numbers of these series.
        if (at === 0) this.#series.giveBack(named);
        throw error;
      }
      await this.#turn();
    }
  }
  #turn(): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.soon(resolve));
  }
}

/** A row's day as people write it. */
export function dayText(day: UsageRow['day']): string {
  return new Date(day * dayS * 1000).toISOString().slice(0, 10);
}
