// A chart with a band, with a gap, and with nothing in it.

import { Chart } from './chart.tsx';
import type { Stories } from './stories.ts';
import { percent } from './words.ts';

const times = Array.from({ length: 60 }, (_, i) => 1_800_000_000_000 + i * 60_000);
const wave = (shift: number) => times.map((_, i) => 0.5 + 0.3 * Math.sin(i / 7) + shift);
export const stories: Stories = {
  band: () => (
    <Chart
      label="CPU of alice over an hour"
      times={times}
      bands={[{ name: 'CPU', colour: 'info', mean: wave(0), min: wave(-0.1), max: wave(0.15) }]}
      format={percent}
      top={1}
    />
  ),
  'a gap, two lines': () => (
    <Chart
      label="Network of alice"
      times={times}
      bands={[
        { name: 'received', colour: 'pink', mean: wave(0).map((each, i) => (i > 20 && i < 30 ? null : each)) },
        { name: 'sent', colour: 'violet', mean: wave(-0.2) },
      ]}
    />
  ),
  empty: () => <Chart label="Nothing yet" times={[]} bands={[{ name: 'CPU', colour: 'info', mean: [] }]} />,
};
