// One node.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = { path: '/nodes/$node', load: () => import('./node-page.tsx') };
