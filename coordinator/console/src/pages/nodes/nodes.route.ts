// All nodes.
import { Server } from 'lucide-react';
import { anyText, ofTables } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { ...ofTables, health: anyText, class: anyText, site: anyText };

export const route: PageRoute<'/nodes', typeof search> = {
  path: '/nodes',
  search,
  load: () => import('./nodes-page.tsx'),
  nav: { text: 'Nodes', icon: Server, key: 'n' },
};
