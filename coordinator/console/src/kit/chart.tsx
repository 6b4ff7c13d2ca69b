// Lines over time: uPlot with a band from least to most. The caption has the picture in words, for people who cannot see it.
import { useEffect, useId, useRef } from 'react';
import type uPlot from 'uplot';
import { type Band, dataOf, drawPlot } from './chart-plot.ts';
import { useIsDark } from './theme.ts';
import { figure } from './words.ts';

interface ChartProps {
  /** The content of the chart in words. */
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

export function Chart({ label, times, bands, format = figure, top, fromMs, toMs, height = 160 }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const dark = useIsDark();
  const id = useId();
  const shape = `${bands.map(({ name, colour, min }) => name + colour + Boolean(min)).join()}${dark}${height}${top}`;
  const scale = useRef({ format, fromMs, toMs });
  scale.current = { format, fromMs, toMs };

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` says when a new picture is needed; new figures go into the old one
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const drawn = drawPlot(element, { bands, height, top }, () => scale.current, dataOf(times, bands));
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
