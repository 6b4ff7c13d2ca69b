// Who did what.
import { ScrollText } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/audit',
  load: () => import('./audit-page.tsx'),
  nav: { text: 'Audit', icon: ScrollText, order: 120, key: 'd' },
  may: 'audit',
};
