// Rollouts: changes that reach the fleet wave by wave.
import { Waves } from 'lucide-react';
import { anyText, oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { id: anyText, do: oneOf('start'), version: anyText };

export const route: PageRoute<'/rollouts', typeof search> = {
  path: '/rollouts',
  search,
  load: () => import('./rollouts-page.tsx'),
  nav: { text: 'Rollouts', icon: Waves, key: 'r' },
  may: 'rollouts',
};
