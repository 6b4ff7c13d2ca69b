// The packed fleet: some nodes, a plan that changes them, and thousands.
import type { Stories } from '../../kit/stories.ts';
import { PackedFleet } from './packed-fleet.tsx';
import type { Packed } from './packing.ts';

const GiB = 2 ** 30;
const node = (id: string, over: Partial<Packed> = {}): Packed => ({
  id,
  class: 'pi',
  site: 'home',
  totalBytes: 4.7 * GiB,
  weights: [{ model: 'qwen2.5:3b', bytes: 2 * GiB }],
  restBytes: 0.6 * GiB,
  agents: 5,
  mark: 'open',
  change: null,
  ...over,
});
const few = [
  node('alice'),
  node('aria', { agents: 0, weights: [], restBytes: 0, mark: 'away' }),
  node('sensor', { class: 'micro', totalBytes: 0, weights: [], restBytes: 0, agents: 1, mark: 'closed' }),
  node('gpu-box', { class: 'gpu', site: 'cellar', totalBytes: 72 * GiB, agents: 340 }),
];
const changed = [
  node('alice', { mark: 'lost', weights: [], restBytes: 0, agents: 0, change: -5 }),
  node('aria', { change: 5, agents: 10, restBytes: 1.4 * GiB }),
  node('octavia', { change: -2, agents: 3 }),
];
const many = Array.from({ length: 4_000 }, (_, i) =>
  node(`node-${i}`, {
    site: `site-${i % 12}`,
    restBytes: ((i * 7919) % 27) * 0.1 * GiB,
    mark: i % 97 ? 'open' : 'away',
  }),
);

export const stories: Stories = {
  few: () => <PackedFleet nodes={few} label="The fleet" />,
  changed: () => <PackedFleet nodes={changed} label="The fleet after" />,
  thousands: () => <PackedFleet nodes={many} label="The fleet" />,
};
