// All agents.
import { Bot } from 'lucide-react';
import { anyText, ofTables } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { ...ofTables, state: anyText, node: anyText, model: anyText };

export const route: PageRoute<'/agents', typeof search> = {
  path: '/agents',
  search,
  load: () => import('./agents-page.tsx'),
  nav: { text: 'Agents', icon: Bot, key: 'a' },
};
