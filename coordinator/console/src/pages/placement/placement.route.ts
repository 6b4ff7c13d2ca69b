// The fleet as it is packed, and as it would be.
import { LayoutDashboard } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/placement',
  load: () => import('./placement-page.tsx'),
  nav: { text: 'Placement', icon: LayoutDashboard, order: 70, key: 'p' },
  may: 'whatIf',
};
