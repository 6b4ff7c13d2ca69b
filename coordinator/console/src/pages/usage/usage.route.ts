// What was used and what it cost.
import { ChartColumn } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/usage',
  load: () => import('./usage-page.tsx'),
  nav: { text: 'Usage and cost', icon: ChartColumn, order: 110, key: 'u' },
  may: 'usage',
};
