// All agents.
import { Bot } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/agents',
  load: () => import('./agents-page.tsx'),
  nav: { text: 'Agents', icon: Bot, order: 30, key: 'a' },
};
