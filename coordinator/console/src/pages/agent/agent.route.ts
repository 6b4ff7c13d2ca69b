// One agent.
import { anyText, ofTables, oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  ...ofTables,
  /** The id of a conversation; the word of chat/everything.ts; not given: a new one. */
  conversation: anyText,
  tab: oneOf('chat', 'why', 'tasks', 'memory', 'triggers', 'versions', 'spec'),
  /** The form is filled in with what would place the agent. */
  fix: oneOf('1'),
  version: anyText,
  against: anyText,
};

export const route: PageRoute<'/agents/$agent', typeof search> = {
  path: '/agents/$agent',
  search,
  load: () => import('./agent-page.tsx'),
};
