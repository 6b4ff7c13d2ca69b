// One conversation, by its link.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute<'/conversations/$conversation'> = {
  path: '/conversations/$conversation',
  search: {},
  load: () => import('./conversation-page.tsx'),
  under: '/agents',
};
