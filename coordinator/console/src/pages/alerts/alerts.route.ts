// What needs a person.
import { BellRing } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/alerts',
  load: () => import('./alerts-page.tsx'),
  nav: { text: 'Alerts', icon: BellRing, order: 100, key: 'l' },
};
