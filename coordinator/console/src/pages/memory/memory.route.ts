// The memories of all agents.
import { BookOpen } from 'lucide-react';
import { anyText, oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  tab: oneOf('search', 'branches', 'erasures', 'runs'),
  q: anyText,
  agent: anyText,
  kind: anyText,
  tag: anyText,
  since: oneOf('day', 'week', 'month', 'year'),
};

export const route: PageRoute<'/memory', typeof search> = {
  path: '/memory',
  search,
  load: () => import('./memory-page.tsx'),
  nav: { text: 'Memory', icon: BookOpen, key: 'e' },
  may: 'memorySearch',
};
