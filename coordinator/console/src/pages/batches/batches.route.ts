// Batches.
import { Layers } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

const search = {};

export const route: PageRoute<'/batches', typeof search> = {
  path: '/batches',
  search,
  load: () => import('./batches-page.tsx'),
  nav: { text: 'Batches', icon: Layers, key: 'b' },
  may: 'batches',
};
