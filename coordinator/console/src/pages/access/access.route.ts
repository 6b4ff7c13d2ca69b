// Keys and sessions: everybody sees the sessions of their own key, admins all of it.
import { KeyRound } from 'lucide-react';
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/keys',
  load: () => import('./access-page.tsx'),
  nav: { text: 'Users and keys', icon: KeyRound, order: 130, key: 'k' },
  may: 'sessions',
};
