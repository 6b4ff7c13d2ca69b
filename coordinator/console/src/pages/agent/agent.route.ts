// One agent.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute = { path: '/agents/$agent', load: () => import('./agent-page.tsx') };
