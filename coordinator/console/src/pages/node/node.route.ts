// One node.
import { oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  tab: oneOf('charts', 'models', 'agents', 'pins', 'events', 'hardware', 'log'),
  do: oneOf('drain'),
  range: oneOf('hour', 'day', 'week', 'month'),
};

export const route: PageRoute<'/nodes/$node', typeof search> = {
  path: '/nodes/$node',
  search,
  load: () => import('./node-page.tsx'),
};
