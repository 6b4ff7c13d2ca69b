// A new agent. Not below /agents, where an agent may bear any name.
import type { PageRoute } from '../../shell/page.ts';

export const route: PageRoute<'/new-agent'> = {
  path: '/new-agent',
  search: {},
  load: () => import('./new-agent-page.tsx'),
  may: 'agentApply',
  title: 'New agent',
  under: '/agents',
};
