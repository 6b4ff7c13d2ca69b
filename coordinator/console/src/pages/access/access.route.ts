// Keys and sessions: a person sees the sessions of their own key, an admin all of them.
import { KeyRound } from 'lucide-react';
import { oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { do: oneOf('create') };

export const route: PageRoute<'/keys', typeof search> = {
  path: '/keys',
  search,
  load: () => import('./access-page.tsx'),
  nav: { text: 'Users and keys', icon: KeyRound, below: true, key: 'k' },
  may: 'sessions',
};
