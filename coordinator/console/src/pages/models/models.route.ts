// The models of the fleet.
import { Boxes } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/models',
  load: () => import('./models-page.tsx'),
  nav: { text: 'Models', icon: Boxes, order: 50, key: 'm' },
  may: 'catalogue',
};
