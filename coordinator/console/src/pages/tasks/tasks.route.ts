// All tasks.
import { ListChecks } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/tasks',
  load: () => import('./tasks-page.tsx'),
  nav: { text: 'Tasks', icon: ListChecks, order: 40, key: 't' },
};
