// Figures of triggers that the coordinator runs, and of webhooks that go out, for the metrics.
import { Counter, Gauge } from 'prom-client';
import type { Triggers } from '../triggers/triggers.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { Read } from './metric-read.ts';

export function readWebhooks(
  read: Read,
  { triggers, webhooks }: { triggers: Pick<Triggers, 'figures'>; webhooks: Pick<Webhooks, 'figures'> },
): void {
  read(Counter, 'triggers_total', 'What came for triggers of topics, webhooks and events.', ['outcome'], (set) => {
    for (const [outcome, count] of Object.entries(triggers.figures)) set({ outcome }, count);
  });
  read(Counter, 'webhook_tries_total', 'Tries to deliver an event to a webhook.', ['outcome'], (set) => {
    const { delivered, failed } = webhooks.figures;
    set({ outcome: 'delivered' }, delivered);
    set({ outcome: 'failed' }, failed);
  });
  read(Counter, 'webhook_given_up_total', 'Deliveries that were given up.', [], (set) =>
    set({}, webhooks.figures.givenUp),
  );
  read(Gauge, 'webhook_waiting', 'Deliveries that wait for their first or next try.', [], (set) =>
    set({}, webhooks.figures.waiting),
  );
}
