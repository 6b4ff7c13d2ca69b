// Webhooks: addresses that wake agents, and addresses that events go to.
import { Webhook } from 'lucide-react';
import { oneOf } from '../../kit/search-params.ts';
import type { PageRoute } from '../../shell/page.ts';

const search = { do: oneOf('create') };

export const route: PageRoute<'/webhooks', typeof search> = {
  path: '/webhooks',
  search,
  load: () => import('./webhooks-page.tsx'),
  nav: { text: 'Webhooks', icon: Webhook, below: true, key: 'h' },
  may: 'webhooks',
};
