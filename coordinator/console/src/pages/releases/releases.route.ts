// Releases: what the coordinator keeps for its machines and for itself, and its own upgrade.
import { Package } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

const search = {};

export const route: PageRoute<'/releases', typeof search> = {
  path: '/releases',
  search,
  load: () => import('./releases-page.tsx'),
  nav: { text: 'Releases', icon: Package },
  may: 'releases',
};
