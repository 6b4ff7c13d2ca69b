// Troubles of webhooks that go out: deliveries of one were given up, and none succeeded since. Pure; the same form as troubles.ts. No event
// says it, so that no webhook is told of its own failure.
import type { View } from '../state/view.ts';
import type { Trouble } from './trouble.ts';
import { deliveriesOf, isDead } from './webhooks.ts';

export function webhookTroubles(view: Pick<View, 'webhooks' | 'deliveries' | 'deliveriesByWebhook'>): Trouble[] {
  const troubles: Trouble[] = [];
  for (const row of view.webhooks.values()) {
    if (row.direction !== 'out' || row.failingSinceMs === undefined || row.paused) continue;
    // Those that were given up may all be tried again now.
    if (!deliveriesOf(view, row.id).some(isDead)) continue;
    const { id, name, last } = row;
    troubles.push({
      ...{ group: `webhook-given-up:${id}`, kind: 'webhook-given-up', severity: 'warning', site: null },
      sinceMs: row.failingSinceMs,
      title: `Deliveries of the webhook ${name} are given up`,
      many: 'webhooks have deliveries that are given up',
      text: `None succeeded since${last ? `; the last problem: ${last.text}` : ''}. What was given up is tried again when you say so. To see it: fleet webhooks show ${name}`,
      actions: [{ verb: 'open-webhooks', label: 'View webhooks', role: 'operator' }],
    });
  }
  return troubles;
}
