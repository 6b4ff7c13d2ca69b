// Any model or agent, one or two at a time.
import { FlaskConical } from 'lucide-react';
import { anyText } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  model: anyText,
  /** The model beside it; not given: there is one alone. */
  against: anyText,
};

export const route: PageRoute<'/playground', typeof search> = {
  path: '/playground',
  search,
  load: () => import('./playground-page.tsx'),
  nav: { text: 'Playground', icon: FlaskConical, key: 'y' },
  may: 'openaiChat',
};
