// All nodes.
import { Server } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/nodes',
  load: () => import('./nodes-page.tsx'),
  nav: { text: 'Nodes', icon: Server, order: 20, key: 'n' },
};
