// The history of a node and of the fleet: bounded roll-ups of heartbeats and task ends, min/mean/max. The heartbeat itself is never stored.
// Minutes are kept for a day, quarter hours for a month. A restart of the coordinator loses at most the running minute.
import { NodeId, TimeMs } from './ids.ts';
import { type Static, Type } from './typebox.ts';

interface MetricRow {
  unit: 'share' | 'bytes' | 'bytes/s' | 'bytes/day' | 'celsius' | 'tokens/s' | 'count' | 'per minute';
  text: string;
}
const metric = (unit: MetricRow['unit'], text: string): MetricRow => ({ unit, text });

/** The order is the order in the store: a new metric is added at the end, none is ever removed. At most 16. */
export const nodeMetrics = {
  cpu: metric('share', 'Processor in use.'),
  memory: metric('share', 'Memory of the machine in use.'),
  temperature: metric('celsius', 'Of the processor.'),
  throttled: metric('share', 'Of heartbeats that said: throttled now.'),
  gpu: metric('share', 'Mean utilisation of its GPUs.'),
  gpuMemory: metric('share', 'GPU memory in use.'),
  gpuTemperature: metric('celsius', 'Of the hottest GPU.'),
  diskWritten: metric('bytes/day', 'Written to the disks by the whole machine, as a rate a day.'),
  networkReceived: metric('bytes/s', 'Received.'),
  networkSent: metric('bytes/s', 'Sent.'),
  tokens: metric('tokens/s', 'Answer tokens of tasks that ended, spread over the minute they ended in.'),
  tasksRunning: metric('count', 'Tasks under way.'),
} as const satisfies Record<string, MetricRow>;
export const fleetMetrics = {
  tasksEnded: metric('per minute', 'Tasks that were done.'),
  tasksFailed: metric('per minute', 'Tasks that failed or expired.'),
  tasksQueued: metric('count', 'Tasks waiting.'),
  tasksRunning: metric('count', 'Tasks under way.'),
  tokens: metric('tokens/s', 'Answer tokens of tasks that ended.'),
  nodesOnline: metric('count', 'Nodes online.'),
  agentsReady: metric('count', 'Agents ready.'),
} as const satisfies Record<string, MetricRow>;
export type NodeMetric = keyof typeof nodeMetrics;
export type FleetMetric = keyof typeof fleetMetrics;
/** Typed as a tuple of one: for a list of unknown length TypeScript would infer a union of nothing. */
const names = <T extends string>(table: Record<T, MetricRow>) => Object.keys(table) as unknown as [T];

export const historyRanges = { hour: 3_600, day: 86_400, week: 7 * 86_400, month: 30 * 86_400 } as const;
export const HistoryRange = Type.OneOf(['hour', 'day', 'week', 'month'], {
  default: 'hour',
  description: 'Hour and day are told in minutes, week and month in quarter hours.',
});
export type HistoryRange = Static<typeof HistoryRange>;

export const NodeHistoryQuery = Type.Object({
  metric: Type.OneOf(names(nodeMetrics)),
  range: Type.Optional(HistoryRange),
});
export const FleetHistoryQuery = Type.Object({
  metric: Type.OneOf(names(fleetMetrics)),
  range: Type.Optional(HistoryRange),
});

export const History = Type.Object({
  node: Type.Nullable(NodeId, { description: 'Null: the fleet.' }),
  metric: Type.String(),
  unit: Type.String(),
  range: HistoryRange,
  resolutionS: Type.Integer({
    description: 'Seconds a point stands for: 60 (kept for a day) or 900 (kept for a month).',
  }),
  fromMs: TimeMs,
  toMs: TimeMs,
  points: Type.Array(Type.Array(Type.Number(), { minItems: 4, maxItems: 4 }), {
    description:
      '`[start in ms, min, mean, max]`, oldest first; nothing was heard where a point is missing. The last may be of the minute that is not over.',
  }),
});
export type History = Static<typeof History>;
