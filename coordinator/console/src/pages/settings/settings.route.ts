// The settings of this browser, and the facts of the fleet.
import { Settings } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute<'/settings'> = {
  path: '/settings',
  search: {},
  load: () => import('./settings-page.tsx'),
  nav: { text: 'Settings', icon: Settings, below: true, key: 's' },
};
