// Lines over time: uPlot with a band from least to most. The picture is also said in words, in the caption for who cannot see it.
import { useEffect, useId, useRef } from 'react';
import uPlot from 'uplot';
import { useIsDark } from './theme.ts';
import { clockTime, figure } from './words.ts';

export interface Band {
  name: string;
  colour: 'pink' | 'info' | 'violet' | 'good' | 'warn' | 'bad';
  mean: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
}
interface ChartProps {
  /** What it shows, in words. */
  label: string;
  /** Milliseconds, rising. */
  times: number[];
  bands: Band[];
  format?: (value: number) => string;
  /** The scale reaches at least this far. */
  top?: number;
  fromMs?: number;
  toMs?: number;
  height?: number;
}

/** A custom property as a canvas understands it; light-dark() is resolved by the browser. */
function resolved(name: string, beside: HTMLElement): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  beside.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
/** So few do not make a line: they are dots. */
const dotsUpTo = 3;
const faint = (colour: string) =>
  colour.replace(/^rgba?\(([^)]+)\)$/, (_, parts: string) => `rgba(${parts.split(',').slice(0, 3).join(',')}, 0.18)`);

export function Chart({ label, times, bands, format = figure, top, fromMs, toMs, height = 160 }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const dark = useIsDark();
  const id = useId();
  const shape = `${bands.map(({ name, colour, min }) => name + colour + Boolean(min)).join()}${dark}${height}${top}`;
  const latest = useRef({ format, fromMs, toMs });
  latest.current = { format, fromMs, toMs };

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` says when a new picture is needed; new figures go into the old one
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const grid = { stroke: resolved('line', element), width: 1 };
    const axis = { stroke: resolved('dim', element), grid, ticks: grid, font: '12px "JetBrains Mono", monospace' };
    const series: uPlot.Series[] = [{}];
    const between: uPlot.Band[] = [];
    for (const { name, colour, min } of bands) {
      const stroke = resolved(colour, element);
      series.push({
        label: bands.length === 1 ? '' : name,
        stroke,
        width: 1.6,
        points: { show: (u) => u.data[0].length <= dotsUpTo, size: 5, fill: stroke },
      });
      if (min) {
        const at = series.length;
        series.push({
          label: bands.length === 1 ? 'most' : `${name} most`,
          stroke: 'transparent',
          points: { show: false },
        });
        series.push({
          label: bands.length === 1 ? 'least' : `${name} least`,
          stroke: 'transparent',
          points: { show: false },
        });
        between.push({ series: [at, at + 1], fill: faint(stroke) });
      }
    }
    const drawn = new uPlot(
      {
        width: element.clientWidth,
        height,
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: {
          x: {
            time: true,
            range: (_, least, most) => [
              (latest.current.fromMs ?? least * 1000) / 1000,
              (latest.current.toMs ?? most * 1000) / 1000,
            ],
          },
          y: { range: (_, _least, most) => [0, Math.max(top ?? 0, (most ?? 0) * 1.08) || 1] },
        },
        axes: [
          { ...axis, size: 28, space: 70, values: (_, seconds) => timeWords(seconds) },
          { ...axis, size: axisWidth, values: (_, values) => values.map((value) => latest.current.format(value)) },
        ],
        series,
        bands: between,
        hooks: {
          setCursor: [(u) => showAt(u, element, latest.current.format)],
          setData: [(u) => showAt(u, element, latest.current.format)],
          ready: [(u) => showAt(u, element, latest.current.format)],
        },
      },
      dataOf(times, bands),
      element,
    );
    plot.current = drawn;
    const resize = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      drawn.destroy();
      plot.current = null;
    };
  }, [shape]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the picture is drawn anew when any figure changes
  useEffect(() => plot.current?.setData(dataOf(times, bands)), [times, bands, fromMs, toMs]);

  return (
    <figure className="chart" aria-labelledby={id}>
      <figcaption id={id} className="sr-only">
        {label}. {inWords(times, bands, format)}
      </figcaption>
      <div ref={host} aria-hidden="true" />
      <p className="chart-at small figure" aria-hidden="true" />
      {bands.length > 1 && (
        <ul className="row wrap small dim" aria-hidden="true">
          {bands.map(({ name, colour }) => (
            <li key={name} className="row">
              <span className={`swatch ${colour}`} />
              {name}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

const leastAxis = 55;
/** As wide as the widest figure: one that does not fit would lose its first digits, and say something else. */
function axisWidth(u: uPlot, values: string[] | null, index: number, cycle: number): number {
  const axis = u.axes[index] as uPlot.Axis & { _size?: number; font: string[] };
  // The widths of axes and the figures on them depend on each other: the second round settles it.
  if (cycle > 1 && axis._size !== undefined) return axis._size;
  u.ctx.save();
  u.ctx.font = axis.font[0] ?? '';
  const widest = Math.max(0, ...(values ?? []).map((text) => u.ctx.measureText(text).width / uPlot.pxRatio));
  u.ctx.restore();
  return Math.max(leastAxis, Math.ceil(widest + (axis.ticks?.size ?? 10) + (axis.gap ?? 5)));
}

const dayS = 86_400;
/** Hours within a day, days beyond: the pointer's line says the rest. */
function timeWords(seconds: number[]): string[] {
  const days = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0) > 2 * dayS;
  const part: Intl.DateTimeFormatOptions = days
    ? { day: 'numeric', month: 'short' }
    : { hour: '2-digit', minute: '2-digit' };
  return seconds.map((each) => new Date(each * 1000).toLocaleString('en-GB', part));
}
function dataOf(times: number[], bands: Band[]): uPlot.AlignedData {
  return [
    times.map((ms) => ms / 1000),
    ...bands.flatMap(({ mean, min, max }) => (min && max ? [mean, max, min] : [mean])),
  ] as uPlot.AlignedData;
}
function inWords(times: number[], bands: Band[], format: (value: number) => string): string {
  if (times.length === 0) return 'Nothing recorded yet.';
  return bands
    .map(({ name, mean, min, max }) => {
      const values = mean.filter((value) => value !== null);
      if (values.length === 0) return `${name}: nothing recorded.`;
      const least = Math.min(...(min ?? mean).filter((value) => value !== null));
      const most = Math.max(...(max ?? mean).filter((value) => value !== null));
      return `${name}: last ${format(values.at(-1) as number)}, least ${format(least)}, most ${format(most)}.`;
    })
    .join(' ');
}
/** Of the last point that says anything. */
function latestAt(u: uPlot): number | null {
  for (let at = u.data[0].length - 1; at >= 0; at--)
    if (u.data.some((column, i) => i > 0 && column[at] != null)) return at;
  return null;
}
/** The figures under the pointer, else the latest, in a line below: nothing covers the picture. */
function showAt(u: uPlot, element: HTMLElement, format: (value: number) => string) {
  const line = element.parentElement?.querySelector('.chart-at');
  if (!line) return;
  const at = u.cursor.idx ?? latestAt(u);
  if (at === null) {
    line.textContent = '';
    return;
  }
  const shown = u.series.flatMap(({ label }, i) => {
    const value = u.data[i]?.[at];
    return i === 0 || value === null || value === undefined ? [] : [`${label} ${format(value)}`.trim()];
  });
  line.textContent = `${clockTime((u.data[0][at] as number) * 1000)}  ${shown.join('  ')}`;
}
