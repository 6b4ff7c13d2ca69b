// The models of the fleet.
import { Boxes } from 'lucide-react';
import { anyText, oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  do: oneOf('fetch'),
  model: anyText,
  q: anyText,
  size: oneOf('all', 'small', 'medium', 'large', 'embed'),
  view: oneOf('cards', 'table'),
};

export const route: PageRoute<'/models', typeof search> = {
  path: '/models',
  search,
  load: () => import('./models-page.tsx'),
  nav: { text: 'Models', icon: Boxes, key: 'm' },
  may: 'catalogue',
};
