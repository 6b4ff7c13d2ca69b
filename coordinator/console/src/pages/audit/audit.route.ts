// The audit log.
import { ScrollText } from 'lucide-react';
import { anyText, ofTables } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { ...ofTables, did: anyText, who: anyText };

export const route: PageRoute<'/audit', typeof search> = {
  path: '/audit',
  search,
  load: () => import('./audit-page.tsx'),
  nav: { text: 'Audit', icon: ScrollText, below: true, key: 'd' },
  may: 'audit',
};
