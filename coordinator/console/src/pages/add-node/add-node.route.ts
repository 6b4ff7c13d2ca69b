// How a machine becomes a node.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = {
  path: '/nodes/add',
  load: () => import('./add-node-page.tsx'),
  may: 'joinTokenCreate',
};
