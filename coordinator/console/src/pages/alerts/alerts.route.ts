// The alerts.
import { BellRing } from 'lucide-react';
import { anyText } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { q: anyText };

export const route: PageRoute<'/alerts', typeof search> = {
  path: '/alerts',
  search,
  load: () => import('./alerts-page.tsx'),
  nav: { text: 'Alerts', icon: BellRing, below: true, key: 'l' },
};
