// How programs use the fleet as their model server.
import { Plug } from 'lucide-react';
import { oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = {
  program: oneOf('curl', 'python', 'typescript', 'anthropic', 'ollama', 'home-assistant', 'open-webui', 'continue'),
};

export const route: PageRoute<'/connect', typeof search> = {
  path: '/connect',
  search,
  load: () => import('./connect-page.tsx'),
  nav: { text: 'Connect', icon: Plug, below: true, key: 'c' },
  may: 'openaiModels',
};
