// The fleet as it is packed, and as it would be.
import { LayoutDashboard } from 'lucide-react';
import { anyText, ofTables, oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { ...ofTables, tab: oneOf('now', 'what-if'), if: anyText };

export const route: PageRoute<'/placement', typeof search> = {
  path: '/placement',
  search,
  load: () => import('./placement-page.tsx'),
  nav: { text: 'Placement', icon: LayoutDashboard, key: 'p' },
  may: 'whatIf',
};
