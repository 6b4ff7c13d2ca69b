// The option of webhooks that go out.
import { webhookHosts } from './webhooks/addresses.ts';

export const webhookOptions = {
  webhookHosts: {
    type: 'choice',
    flag: 'webhook-hosts',
    env: 'BLACKROAD_WEBHOOK_HOSTS',
    default: 'public',
    choices: webhookHosts,
    text: 'Where webhooks may post events. public: neither private networks nor this machine; private: private networks too; local: this machine as well. Link-local addresses never.',
  },
} as const;
