// One task.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = { path: '/tasks/$task', load: () => import('./task-page.tsx') };
