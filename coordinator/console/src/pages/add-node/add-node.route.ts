// How a machine becomes a node.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute<'/nodes/add'> = {
  path: '/nodes/add',
  search: {},
  load: () => import('./add-node-page.tsx'),
  may: 'joinTokenCreate',
  title: 'Add a node',
  locked: {
    title: 'Admins add nodes',
    text: 'A join token lets a machine into the fleet. Ask somebody with the role admin for one.',
  },
};
