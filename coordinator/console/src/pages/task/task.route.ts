// One task.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute<'/tasks/$task'> = {
  path: '/tasks/$task',
  search: {},
  load: () => import('./task-page.tsx'),
};
