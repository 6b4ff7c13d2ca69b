// The history of a node: each figure as its mean with the band from least to most, and the meaning of a point. Only figures that this
// machine has are read.
import type { NodeMetric, NodeView } from '@blackroad/protocol';
import { keepPreviousData } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useNow } from '../../data/clock.ts';
import { useRoute } from '../../data/query.ts';
import { useAddress } from '../../kit/address.ts';
import { Chart } from '../../kit/chart.tsx';
import type { Band } from '../../kit/chart-plot.ts';
import { Panel } from '../../kit/layout.tsx';
import { Loaded } from '../../kit/states.tsx';
import { Choice } from '../../kit/tabs.tsx';
import { bytes, figure, percent } from '../../kit/words.ts';

const ranges = [
  ['hour', 'Hour'],
  ['day', 'Day'],
  ['week', 'Week'],
  ['month', 'Month'],
] as const;
type Range = (typeof ranges)[number][0];
const rangeMs: Record<Range, number> = { hour: 3_600e3, day: 86_400e3, week: 7 * 86_400e3, month: 30 * 86_400e3 };
const again: Record<Range, number> = { hour: 30_000, day: 60_000, week: 600_000, month: 600_000 };

interface Picture {
  title: string;
  metric: NodeMetric;
  colour: Band['colour'];
  format: (value: number) => string;
  top?: number;
  /** Drawn only where it says so. */
  has?: (health: NonNullable<NodeView['health']>) => boolean;
}
const perSecond = (value: number) => `${bytes(value)}/s`;
const celsius = (value: number) => `${Math.round(value)} °C`;
const pictures: Picture[] = [
  { title: 'CPU', metric: 'cpu', colour: 'info', format: percent, top: 1 },
  { title: 'Memory in use', metric: 'memory', colour: 'violet', format: percent, top: 1 },
  {
    title: 'Temperature',
    metric: 'temperature',
    colour: 'warn',
    format: celsius,
    top: 60,
    has: (h) => h.temperatureC !== undefined,
  },
  {
    title: 'Throttled',
    metric: 'throttled',
    colour: 'bad',
    format: percent,
    top: 1,
    has: (h) => h.throttled !== undefined,
  },
  { title: 'GPU', metric: 'gpu', colour: 'good', format: percent, top: 1, has: (h) => (h.gpus?.length ?? 0) > 0 },
  {
    title: 'GPU memory in use',
    metric: 'gpuMemory',
    colour: 'violet',
    format: percent,
    top: 1,
    has: (h) => (h.gpus?.length ?? 0) > 0,
  },
  {
    title: 'GPU temperature',
    metric: 'gpuTemperature',
    colour: 'warn',
    format: celsius,
    top: 60,
    has: (h) => (h.gpus ?? []).some((gpu) => gpu.temperatureC !== undefined),
  },
  { title: 'Answer tokens a second', metric: 'tokens', colour: 'pink', format: figure, top: 1 },
  { title: 'Tasks running', metric: 'tasksRunning', colour: 'pink', format: figure, top: 2 },
  {
    title: 'Received',
    metric: 'networkReceived',
    colour: 'info',
    format: perSecond,
    top: 1024,
    has: (h) => h.network !== undefined,
  },
  {
    title: 'Sent',
    metric: 'networkSent',
    colour: 'info',
    format: perSecond,
    top: 1024,
    has: (h) => h.network !== undefined,
  },
  {
    title: 'Written to disk a day',
    metric: 'diskWritten',
    colour: 'warn',
    format: bytes,
    top: 1024 ** 2,
    has: (h) => h.diskWrittenBytesPerDay !== undefined,
  },
];

export function NodeCharts({ node }: { node: NodeView }) {
  const [range, setRange] = useAddress('/nodes/$node', 'range', 'hour');
  const { health } = node;
  const shown = pictures.filter(({ has }) => !has || (health !== null && has(health)));
  return (
    <div className="stack">
      <div className="row wrap">
        <Choice label="How far back" value={range} options={ranges} onValue={setRange} />
        <p className="dim small">
          {range === 'hour' || range === 'day'
            ? 'A point is one minute: the line its mean, the band from least to most.'
            : 'A point is a quarter of an hour: the line its mean, the band from least to most.'}
        </p>
      </div>
      <div className="charts">
        {shown.map((picture) => (
          <OneChart key={picture.metric} node={node.id} range={range} picture={picture} />
        ))}
      </div>
    </div>
  );
}

function OneChart({ node, range, picture }: { node: string; range: Range; picture: Picture }) {
  const { title, metric, colour, format, top } = picture;
  const history = useRoute(
    'nodeHistory',
    { params: { node }, query: { metric, range } },
    { refetchInterval: again[range], placeholderData: keepPreviousData },
  );
  const points = history.data?.points;
  const { times, bands } = useMemo(() => {
    const rows = points ?? [];
    const column = (at: number) => rows.map((point) => point[at] as number);
    // Where nothing was heard the line breaks: two points around a gap are not joined.
    const times = column(0);
    const bands: Band[] = [{ name: title, colour, mean: column(2), min: column(1), max: column(3) }];
    return withGaps(times, bands, (history.data?.resolutionS ?? 60) * 1000);
  }, [points, title, colour, history.data?.resolutionS]);
  const toMs = useNow(10_000);
  return (
    <Panel title={title} aside={<span className="dim small figure">{lastOf(points, format)}</span>}>
      <Loaded of={history} lines={4}>
        {() =>
          times.length === 0 ? (
            <p className="dim small chart-none">
              Nothing recorded in this time yet. The first point comes after a minute.
            </p>
          ) : (
            <Chart
              label={`${title} of ${node} over the last ${range}`}
              times={times}
              bands={bands}
              format={format}
              {...(top === undefined ? {} : { top })}
              fromMs={toMs - rangeMs[range]}
              toMs={toMs}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function lastOf(points: number[][] | undefined, format: (value: number) => string): string {
  const last = points?.at(-1)?.[2];
  return last === undefined ? '' : format(last);
}
function withGaps(times: number[], bands: Band[], stepMs: number): { times: number[]; bands: Band[] } {
  const whole: number[] = [];
  const parts = bands.map((band) => ({
    ...band,
    mean: [] as (number | null)[],
    min: [] as (number | null)[],
    max: [] as (number | null)[],
  }));
  times.forEach((time, i) => {
    const before = times[i - 1];
    if (before !== undefined && time - before > stepMs * 1.5) {
      whole.push(before + stepMs);
      for (const part of parts) for (const list of [part.mean, part.min, part.max]) list.push(null);
    }
    whole.push(time);
    bands.forEach((band, at) => {
      const part = parts[at];
      part?.mean.push(band.mean[i] ?? null);
      part?.min.push(band.min?.[i] ?? null);
      part?.max.push(band.max?.[i] ?? null);
    });
  });
  return { times: whole, bands: parts };
}
