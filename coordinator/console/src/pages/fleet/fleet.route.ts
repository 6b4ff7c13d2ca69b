// The fleet at a glance: where one arrives.
import { LayoutGrid } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute<'/'> = {
  path: '/',
  search: {},
  load: () => import('./fleet-page.tsx'),
  nav: { text: 'Fleet', icon: LayoutGrid, key: 'f' },
};
