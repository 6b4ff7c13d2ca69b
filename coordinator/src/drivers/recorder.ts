// Keeps what the fleet was like: minutes of heartbeats rolled up and written once a minute, quarter hours made of the stored minutes,
// task ends added up to days. Beside the one road: nothing here is decided or told, and a crash loses at most the running minute of
// history (usage is read again from the tasks). Written in slices of a few milliseconds. In: what batches touched. Out: rows.
import {
  type FleetMetric,
  fleetMetrics,
  type History,
  type HistoryRange,
  historyRanges,
  maxUsageDays,
  maxUsageRowsPerDay,
  type NodeMetric,
  nodeMetrics,
} from '@blackroad/protocol';
import type { Clock, Timer } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import { combine, pack, pick, seriesPerPart } from '../history/cells.ts';
import { createMinute, fleetMetricAt, nodeMetricAt, readHealth } from '../history/samples.ts';
import { createUsageDays, hasOddTokens } from '../history/usage-days.ts';
import type { Coordinator } from '../road/coordinator.ts';
import type { EndedTask } from '../state/rows.ts';
import type { Touched } from '../state/touched.ts';
import type { RollupRow, UsageRow } from '../store/store.ts';

export const minuteS = 60;
export const quarterS = 900;
const dayS = 86_400;
/** A range that ends now reaches a little further back than it says: the oldest point must be whole. */
const keepMinutesS = historyRanges.day + 2 * quarterS;
const keepQuartersS = historyRanges.month + dayS;
/** Rows of one write or read: a few milliseconds. */
const sliceRows = 40;
const readRows = 120;
/** Usage is written once a minute, and before it has grown to more than some milliseconds of work. */
const manyUsageRows = 500;
const recoverRows = 500;
const fleet = '*';

interface FleetGauges {
  queued: number;
  running: number;
  nodesOnline: number;
  agentsReady: number;
}
export interface Recorder {
  note(touched: Touched): void;
  /** Every second: samples the fleet, writes the minute that is over. */
  tick(): void;
  nodeHistory(node: string, metric: NodeMetric, range: HistoryRange): Promise<History>;
  fleetHistory(metric: FleetMetric, range: HistoryRange): Promise<History>;
  /** Writes what is complete, the running minute too. */
  flush(): Promise<void>;
  /** Old rows go; answers when none is left. */
  prune(): Promise<void>;
  stop(): void;
}

export async function createRecorder(parts: {
  coordinator: Coordinator;
  clock: Clock;
  log: Log;
  gauges: () => FleetGauges;
}): Promise<Recorder> {
  const { coordinator, clock, log } = parts;
  const { view, store } = coordinator;
  const beganMs = clock.nowMs();
  const series = new Map<string, { number: number; untilMs: number | null }>();
  const numbers = new Set<number>();
  const newSeries = new Map<string, { id: string; number: number; untilMs: number | null }>();
  const lastHealth = new Map<number, object>();
  const minute = createMinute();
  const days = createUsageDays();
  let minuteAtS = Math.floor(beganMs / 1000 / minuteS) * minuteS;
  let earlyS = minuteAtS;
  let recovered = false;
  /** Ends heard of while those of the life before were read, and ends read before they were heard of: each counts once. */
  const heard = new Set<string>();
  const readAgain = new Set<string>();
  let writing: Promise<void> = Promise.resolve();

  for (const { id, number, untilMs } of await store.series()) {
    series.set(id, { number, untilMs });
    numbers.add(number);
  }
  let quarterUptoS =
    ((await store.lastRollupS(quarterS)) ?? minuteAtS - (minuteAtS % quarterS) - keepMinutesS) + quarterS;

  function numberOf(id: string): number {
    const known = series.get(id);
    if (known && known.untilMs === null) return known.number;
    let number = known?.number ?? 0;
    // The smallest that is free: parts stay full.
    if (!known) while (numbers.has(number)) number++;
    name(id, number, null);
    return number;
  }
  function name(id: string, number: number, untilMs: number | null) {
    numbers.add(number);
    series.set(id, { number, untilMs });
    newSeries.set(id, { id, number, untilMs });
  }
  const fleetNumber = numberOf(fleet);

  function note(touched: Touched) {
    for (const id of touched.nodes) {
      const health = view.live.get(id)?.health;
      const row = view.nodes.get(id);
      if (!row) {
        const known = series.get(id);
        if (known && known.untilMs === null) name(id, known.number, clock.nowMs());
        continue;
      }
      if (!health) continue;
      const number = numberOf(id);
      if (lastHealth.get(number) === health) continue;
      lastHealth.set(number, health);
      for (const [metric, value] of Object.entries(readHealth(health, row.info)))
        minute.sample(number, nodeMetricAt[metric as NodeMetric], value);
    }
    for (const task of touched.ended) {
      use(task);
      if (task.state === 'cancelled') continue;
      const tokens = task.usage?.completionTokens ?? 0;
      minute.count(fleetNumber, fleetMetricAt[task.state === 'done' ? 'tasksEnded' : 'tasksFailed'], 1);
      minute.count(fleetNumber, fleetMetricAt.tokens, tokens);
      if (task.node !== null && tokens > 0) minute.count(numberOf(task.node), nodeMetricAt.tokens, tokens);
    }
  }
  const priceOf = (node: string | null) => view.live.get(node ?? '')?.capacity?.pricePerMillionTokens ?? 0;
  function use(task: EndedTask) {
    if (!recovered) heard.add(task.id);
    if (!readAgain.delete(task.id)) days.add(task, priceOf(task.node));
  }
  const ofFleet = { [fleetMetricAt.tasksEnded]: 1, [fleetMetricAt.tasksFailed]: 1, [fleetMetricAt.tokens]: minuteS };
  const ofNode = { [nodeMetricAt.tokens]: minuteS };

  const turn = () => new Promise<void>((resolve) => clock.soon(resolve));
  async function putRows(rows: RollupRow[]) {
    const named = [...newSeries.values()];
    newSeries.clear();
    for (let at = 0; at < rows.length || at === 0; at += sliceRows) {
      const slice = rows.slice(at, at + sliceRows);
      try {
        if (slice.length > 0 || named.length > 0)
          await store.putRollups(at === 0 ? { rows: slice, series: named } : { rows: slice });
      } catch (error) {
        // Later minutes carry the numbers of these series.
        if (at === 0) for (const each of named) if (!newSeries.has(each.id)) newSeries.set(each.id, each);
        throw error;
      }
      await turn();
    }
  }
  async function writeMinute(atS: number) {
    const rows: RollupRow[] = [];
    for (const [part, cells] of minute.take((number) => (number === fleetNumber ? ofFleet : ofNode))) {
      // Of a minute that was written before it was over there is a row already: a restart, or a stop.
      const [early] = atS === earlyS ? await store.rollups(minuteS, part, atS, atS + 1, 1) : [];
      const whole = pack(cells);
      rows.push({ tier: minuteS, part, atS, cells: early ? combine([early.cells, whole]) : whole });
    }
    await putRows(rows);
  }
  /** From stored minutes, so that a restart in the middle of a quarter hour loses none of it. */
  async function writeQuarters(uptoS: number) {
    const parts = Math.floor(Math.max(0, ...numbers) / seriesPerPart) + 1;
    for (; quarterUptoS + quarterS <= uptoS; quarterUptoS += quarterS) {
      const rows: RollupRow[] = [];
      for (let part = 0; part < parts; part++) {
        const minutes = await store.rollups(minuteS, part, quarterUptoS, quarterUptoS + quarterS, quarterS / minuteS);
        if (minutes.length > 0)
          rows.push({ tier: quarterS, part, atS: quarterUptoS, cells: combine(minutes.map(({ cells }) => cells)) });
        if (part % sliceRows === sliceRows - 1) await turn();
      }
      if (rows.length > 0) await putRows(rows);
    }
  }
  async function writeUsage() {
    if (!recovered) return;
    const taken = days.take(clock.nowMs());
    if (!taken) return;
    const { rows, uptoMs } = taken;
    // All in one piece: the mark and the sums must agree.
    const full = new Set<number>();
    for (const day of new Set(rows.map((row) => row.day)))
      if ((await store.usageRows(day)) >= maxUsageRowsPerDay) full.add(day);
    const merged = rows.map((row) => (full.has(row.day) ? { ...row, agent: '', node: '' } : row));
    try {
      await store.addUsage(merged, uptoMs);
    } catch (error) {
      // A full disk: the days keep what they have until there is room.
      days.giveBack(rows);
      throw error;
    }
  }
  /** Ends that the life before did not come to add. By the tasks alone: the clock may have been set back since. */
  async function recover() {
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
        if (heard.has(task.id)) continue;
        if (task.endedMs >= beganMs) readAgain.add(task.id);
        if (hasOddTokens(task)) odd++;
        missed.add(task, priceOf(task.node));
        lastMs = Math.max(lastMs, task.endedMs);
      }
      const last = page.at(-1);
      if (!last || page.length < recoverRows) break;
      fromMs = last.endedMs;
      afterId = last.id;
      await turn();
    }
    if (odd > 0)
      log.warn({ tasks: odd }, 'tokens that no model can have made are left out of the usage; the tasks count');
    const taken = missed.take(Number.POSITIVE_INFINITY);
    if (taken) await store.addUsage(taken.rows, lastMs + 1);
    recovered = true;
    heard.clear();
  }

  function write(work: () => Promise<void>): Promise<void> {
    writing = writing.then(work).catch((error) => log.warn({ err: error }, 'history could not be written'));
    return writing;
  }
  function everySecond() {
    const gauges = parts.gauges();
    minute.sample(fleetNumber, fleetMetricAt.tasksQueued, gauges.queued);
    minute.sample(fleetNumber, fleetMetricAt.tasksRunning, gauges.running);
    minute.sample(fleetNumber, fleetMetricAt.nodesOnline, gauges.nodesOnline);
    minute.sample(fleetNumber, fleetMetricAt.agentsReady, gauges.agentsReady);
    if (days.size() >= manyUsageRows) write(writeUsage);
    const nowS = Math.floor(clock.nowMs() / 1000 / minuteS) * minuteS;
    if (nowS === minuteAtS) return;
    // What was read again has been heard of by now, or never will be.
    if (recovered) readAgain.clear();
    const atS = minuteAtS;
    minuteAtS = nowS;
    write(async () => {
      await writeMinute(atS);
      await writeUsage();
      await writeQuarters(nowS);
    });
  }

  async function history(
    id: string,
    metricAt: number,
    head: Pick<History, 'node' | 'metric' | 'unit' | 'range'>,
  ): Promise<History> {
    const tier = head.range === 'hour' || head.range === 'day' ? minuteS : quarterS;
    const toMs = clock.nowMs();
    const fromS = Math.floor((toMs / 1000 - historyRanges[head.range]) / tier) * tier;
    const points: number[][] = [];
    const known = series.get(id);
    if (known) {
      const part = Math.floor(known.number / seriesPerPart);
      const place = known.number % seriesPerPart;
      for (let at = fromS; ; ) {
        const rows = await store.rollups(tier, part, at, Math.floor(toMs / 1000), readRows);
        for (const { atS, cells } of rows) {
          const span = pick(cells, place, metricAt);
          if (span) points.push([atS * 1000, span.min, span.mean, span.max]);
        }
        const last = rows.at(-1);
        if (!last || rows.length < readRows) break;
        at = last.atS + 1;
        await turn();
      }
      // What is told so far of the running minute: a chart that ends a minute ago looks dead.
      const now =
        tier === minuteS && points.at(-1)?.[0] !== minuteAtS * 1000 ? minute.sofar(known.number, metricAt) : null;
      if (now) points.push([minuteAtS * 1000, now.min, now.mean, now.max]);
    }
    return { ...head, resolutionS: tier, fromMs: fromS * 1000, toMs, points };
  }

  const timer: Timer = clock.every(1000, everySecond);
  write(recover);

  return {
    note,
    tick: everySecond,
    nodeHistory: (node, metric, range) =>
      history(node, nodeMetricAt[metric], { node, metric, unit: nodeMetrics[metric].unit, range }),
    fleetHistory: (metric, range) =>
      history(fleet, fleetMetricAt[metric], { node: null, metric, unit: fleetMetrics[metric].unit, range }),
    flush: () =>
      write(async () => {
        await writeMinute(minuteAtS);
        earlyS = minuteAtS;
        await writeUsage();
        await writeQuarters(Math.floor(clock.nowMs() / 1000 / quarterS) * quarterS);
      }),
    prune: () =>
      write(async () => {
        const nowS = Math.floor(clock.nowMs() / 1000);
        const seriesMs = (nowS - keepQuartersS) * 1000;
        const tiers = { [minuteS]: nowS - keepMinutesS, [quarterS]: nowS - keepQuartersS };
        const day = Math.floor(nowS / dayS) - maxUsageDays;
        while ((await store.pruneRollups({ tiers, day, seriesMs })) > 0) await turn();
        for (const [id, { number, untilMs }] of series) {
          if (untilMs === null || untilMs >= seriesMs) continue;
          series.delete(id);
          numbers.delete(number);
          lastHealth.delete(number);
        }
      }),
    stop: () => timer.cancel(),
  };
}

/** A row's day as people write it. */
export function dayText(day: UsageRow['day']): string {
  return new Date(day * dayS * 1000).toISOString().slice(0, 10);
}
