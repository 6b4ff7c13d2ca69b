// The figures of heartbeats, and the running minute: min, sum, max and count of each figure of each series. Pure, in memory.
import { fleetMetrics, type NodeHealth, type NodeInfo, type NodeMetric, nodeMetrics } from '@blackroad/protocol';
import { type Cell, maxMetrics, type Span, seriesPerPart } from './cells.ts';

export const nodeMetricAt = Object.fromEntries(Object.keys(nodeMetrics).map((name, i) => [name, i])) as Record<
  NodeMetric,
  number
>;
export const fleetMetricAt = Object.fromEntries(Object.keys(fleetMetrics).map((name, i) => [name, i])) as Record<
  keyof typeof fleetMetrics,
  number
>;

type Reading = { [M in NodeMetric]?: number };
export function readHealth(health: NodeHealth, info: NodeInfo | null): Reading {
  const reading: Reading = { cpu: health.cpu, tasksRunning: health.tasksRunning };
  if (info && info.memoryBytes > 0)
    reading.memory = Math.min(1, Math.max(0, 1 - health.memoryFreeBytes / info.memoryBytes));
  if (health.temperatureC !== undefined) reading.temperature = health.temperatureC;
  if (health.throttled) reading.throttled = health.throttled.now ? 1 : 0;
  const written = health.diskWrittenBytesPerDay;
  if (written !== undefined) reading.diskWritten = written;
  if (health.network) {
    reading.networkReceived = health.network.receivedBytesPerS;
    reading.networkSent = health.network.sentBytesPerS;
  }
  const { gpus = [] } = health;
  if (gpus.length > 0) {
    reading.gpu = gpus.reduce((sum, { utilisation }) => sum + utilisation, 0) / gpus.length;
    const total = info?.gpus.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0) ?? 0;
    if (total > 0) reading.gpuMemory = Math.min(1, gpus.reduce((sum, gpu) => sum + gpu.memoryUsedBytes, 0) / total);
    const hottest = Math.max(...gpus.map(({ temperatureC }) => temperatureC ?? Number.NEGATIVE_INFINITY));
    if (Number.isFinite(hottest)) reading.gpuTemperature = hottest;
  }
  return reading;
}

const [minAt, sumAt, maxAt, countAt, stride] = [0, 1, 2, 3, 4] as const;

interface Minute {
  /** Adds a figure that was measured at one moment. */
  sample(series: number, metric: number, value: number): void;
  /** Adds to a figure that is a sum over the minute. */
  count(series: number, metric: number, value: number): void;
  /** The measured figure so far; null: not reported in this minute. */
  sofar(series: number, metric: number): Span | null;
  /**
   * Returns the cells by part and place, and begins a new minute. `counted`: the figures that are sums over the minute, each with its
   * divisor.
   */
  take(counted: (series: number) => Readonly<Record<number, number>>): Map<number, Map<number, Cell>>;
}

export function createMinute(): Minute {
  const sums = new Map<number, Float64Array>();
  const counts = new Map<number, Float64Array>();
  const of = (map: Map<number, Float64Array>, series: number, length: number) => {
    let own = map.get(series);
    if (!own) {
      own = new Float64Array(length);
      map.set(series, own);
    }
    return own;
  };
  function sofar(series: number, metric: number): Span | null {
    const own = sums.get(series);
    const at = metric * stride;
    const heard = own?.[at + countAt] ?? 0;
    if (!own || heard === 0) return null;
    return {
      min: own[at + minAt] as number,
      mean: (own[at + sumAt] as number) / heard,
      max: own[at + maxAt] as number,
    };
  }
  return {
    sofar,
    sample(series, metric, value) {
      if (!Number.isFinite(value)) return;
      const own = of(sums, series, maxMetrics * stride);
      const at = metric * stride;
      const heard = own[at + countAt] as number;
      own[at + minAt] = heard === 0 ? value : Math.min(own[at + minAt] as number, value);
      own[at + maxAt] = heard === 0 ? value : Math.max(own[at + maxAt] as number, value);
      own[at + sumAt]! += value;
      own[at + countAt] = heard + 1;
    },
    count(series, metric, value) {
      if (Number.isFinite(value)) of(counts, series, maxMetrics)[metric]! += value;
    },
    take(counted) {
      const parts = new Map<number, Map<number, Cell>>();
      for (const series of new Set([...sums.keys(), ...counts.keys()])) {
        const cell: Cell = Array.from({ length: maxMetrics }, (_, metric) => sofar(series, metric));
        for (const [metric, divisor] of Object.entries(counted(series))) {
          const value = (counts.get(series)?.[Number(metric)] ?? 0) / divisor;
          cell[Number(metric)] = { min: value, mean: value, max: value };
        }
        const part = Math.floor(series / seriesPerPart);
        let cells = parts.get(part);
        if (!cells) {
          cells = new Map();
          parts.set(part, cells);
        }
        cells.set(series % seriesPerPart, cell);
      }
      sums.clear();
      counts.clear();
      return parts;
    },
  };
}
