// Usage and cost.
import { ChartColumn } from 'lucide-react';
import { oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  days: oneOf('7', '30', '90'),
  by: oneOf('agent', 'model', 'node', 'key'),
  show: oneOf('tokens', 'tasks', 'cost'),
};

export const route: PageRoute<'/usage', typeof search> = {
  path: '/usage',
  search,
  load: () => import('./usage-page.tsx'),
  nav: { text: 'Usage and cost', icon: ChartColumn, below: true, key: 'u' },
  may: 'usage',
};
