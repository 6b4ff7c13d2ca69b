// All tasks.
import { ListChecks } from 'lucide-react';
import { anyText, ofTables, oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  ...ofTables,
  state: oneOf('queued', 'leased', 'running', 'done', 'failed', 'cancelled', 'expired'),
  agent: anyText,
  node: anyText,
  dead: oneOf('true'),
};

export const route: PageRoute<'/tasks', typeof search> = {
  path: '/tasks',
  search,
  load: () => import('./tasks-page.tsx'),
  nav: { text: 'Tasks', icon: ListChecks, key: 't' },
};
