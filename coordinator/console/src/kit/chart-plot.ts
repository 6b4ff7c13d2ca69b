// The picture of a Chart: uPlot draws its bands in the colours of the theme. The figures under the pointer are in the line below.
import uPlot from 'uplot';
import { clockTime } from './words.ts';

export interface Band {
  name: string;
  colour: 'pink' | 'info' | 'violet' | 'good' | 'warn' | 'bad';
  mean: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
}
/** May change without another picture. */
interface Scale {
  format: (value: number) => string;
  fromMs: number | undefined;
  toMs: number | undefined;
}
/** Any change of it draws another picture. */
interface Look {
  bands: readonly Band[];
  height: number;
  top: number | undefined;
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
/** Fewer points than this are drawn as dots. */
const dotsUpTo = 3;
const faint = (colour: string) =>
  colour.replace(/^rgba?\(([^)]+)\)$/, (_, parts: string) => `rgba(${parts.split(',').slice(0, 3).join(',')}, 0.18)`);

/** A line a band, and the space from its least to its most. */
function seriesOf(bands: readonly Band[], element: HTMLElement): Pick<uPlot.Options, 'series' | 'bands'> {
  const series: uPlot.Series[] = [{}];
  const between: uPlot.Band[] = [];
  const isAlone = bands.length === 1;
  for (const { name, colour, min } of bands) {
    const stroke = resolved(colour, element);
    const points = { show: (u: uPlot) => u.data[0].length <= dotsUpTo, size: 5, fill: stroke };
    series.push({ label: isAlone ? '' : name, stroke, width: 1.6, points });
    if (!min) continue;
    between.push({ series: [series.length, series.length + 1], fill: faint(stroke) });
    for (const word of ['most', 'least'])
      series.push({ label: isAlone ? word : `${name} ${word}`, stroke: 'transparent', points: { show: false } });
  }
  return { series, bands: between };
}

/** `scale`: called at every redraw. */
export function drawPlot(
  element: HTMLElement,
  { bands, height, top }: Look,
  scale: () => Scale,
  data: uPlot.AlignedData,
): uPlot {
  const grid = { stroke: resolved('line', element), width: 1 };
  const axis = { stroke: resolved('dim', element), grid, ticks: grid, font: '12px "JetBrains Mono", monospace' };
  const show = (u: uPlot) => showAt(u, element, scale().format);
  return new uPlot(
    {
      width: element.clientWidth,
      height,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: {
          time: true,
          range: (_, least, most) => [(scale().fromMs ?? least * 1000) / 1000, (scale().toMs ?? most * 1000) / 1000],
        },
        y: { range: (_, _least, most) => [0, Math.max(top ?? 0, (most ?? 0) * 1.08) || 1] },
      },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, seconds) => timeWords(seconds) },
        { ...axis, size: axisWidth, values: (_, values) => values.map((value) => scale().format(value)) },
      ],
      ...seriesOf(bands, element),
      hooks: { setCursor: [show], setData: [show], ready: [show] },
    },
    data,
    element,
  );
}

const leastAxis = 55;
/** As wide as the widest figure: a figure that does not fit would lose its first digits and be wrong. */
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
/** Hours within a day, days beyond; the line below has the exact time. */
function timeWords(seconds: number[]): string[] {
  const days = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0) > 2 * dayS;
  const part: Intl.DateTimeFormatOptions = days
    ? { day: 'numeric', month: 'short' }
    : { hour: '2-digit', minute: '2-digit' };
  return seconds.map((each) => new Date(each * 1000).toLocaleString('en-GB', part));
}
/** The data in the form of uPlot: the times in seconds, then the figures of every line. */
export function dataOf(times: readonly number[], bands: readonly Band[]): uPlot.AlignedData {
  return [
    times.map((ms) => ms / 1000),
    ...bands.flatMap(({ mean, min, max }) => (min && max ? [mean, max, min] : [mean])),
  ] as uPlot.AlignedData;
}
/** The index of the last point with a figure. */
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
