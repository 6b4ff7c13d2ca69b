// Usage as a bar a day. A bar says its figures when it is pointed at; the whole is said in one sentence, and the table has the rest.
import { useState } from 'react';
import { plural } from '../../kit/words.ts';
import { type DayBar, dayInWords, type Figure, figureOf } from './days.ts';

export function DayBars({
  bars,
  figure,
  format,
}: {
  bars: DayBar[];
  figure: Figure;
  format: (value: number) => string;
}) {
  const [at, setAt] = useState<DayBar | null>(null);
  const most = Math.max(1e-9, ...bars.map((bar) => figureOf(bar, figure)));
  const busiest = bars.find((bar) => figureOf(bar, figure) === most);
  const label = busiest
    ? `${plural(bars.length, 'day')} of ${figure}, most on ${dayInWords(busiest.day)}: ${format(most)}`
    : `${plural(bars.length, 'day')} of ${figure}, all without any`;
  const shown = at ?? bars.at(-1) ?? null;
  return (
    <figure className="usage-days">
      <div
        className="usage-bars"
        role="img"
        aria-label={label}
        onMouseLeave={() => setAt(null)}
        onMouseMove={({ currentTarget, clientX }) => {
          const { left, width } = currentTarget.getBoundingClientRect();
          setAt(bars[Math.floor(((clientX - left) / width) * bars.length)] ?? null);
        }}
      >
        {bars.map((bar) => {
          const value = figureOf(bar, figure);
          const failed = figure === 'tasks' && bar.tasks > 0 ? bar.failed / bar.tasks : 0;
          return (
            <span key={bar.day} className={bar === at ? 'usage-bar at' : 'usage-bar'}>
              <span style={{ height: `${value === 0 ? 0 : Math.max(2, (value / most) * 100)}%` }}>
                {failed > 0 && <i style={{ height: `${failed * 100}%` }} />}
              </span>
            </span>
          );
        })}
      </div>
      <figcaption className="row wrap small dim" aria-hidden="true">
        <span>{bars[0] && dayInWords(bars[0].day)}</span>
        <span className="grow usage-at">
          {shown && (
            <>
              {dayInWords(shown.day)}: <strong className="figure">{format(figureOf(shown, figure))}</strong> {figure}
              {figure === 'tasks' && shown.failed > 0 && `, ${shown.failed} failed`}
            </>
          )}
        </span>
        <span>{bars.length > 1 && 'today'}</span>
      </figcaption>
    </figure>
  );
}
