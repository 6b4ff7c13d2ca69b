// The events of webhooks.
import { kind, Words } from './event-kind.ts';
import { Type } from './typebox.ts';

const Text = Type.String();

export const ofWebhooks = {
  'webhook-given-up': kind(
    'warning',
    'An event for a webhook was given up after ten tries, and none was before; no webhook is told this one',
    { webhook: Text, event: Text, problem: Words },
    ({ webhook, event, problem }) => `the webhook ${webhook} could not be told of ${event}: ${problem}`,
  ),
};
