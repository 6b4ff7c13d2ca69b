// Conformance of webhooks: their rows and what waits for them are loaded as they were stored, and go together.
import type { Test } from 'tap';
import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import { deliveryRow, outWebhook } from '../../fixtures/coordinator/webhook-rows.ts';
import type { OpenStore } from '../store.ts';
import { loadedView } from './commit.ts';

export async function webhookConformance(t: Test, open: OpenStore): Promise<void> {
  await t.test('a webhook goes with what waits for it, and no other one with it', async (t) => {
    const { store } = await open(t);
    // Each of these ids begins with the one before it.
    const changes = ['w', 'w1', 'w1-2'].flatMap((id): DurableChange[] => [
      { type: 'webhook', row: outWebhook(id) },
      { type: 'delivery', row: deliveryRow(id, 1) },
      { type: 'delivery', row: deliveryRow(id, 2) },
    ]);
    await store.commit(changes);
    const paused = { atMs: 5, by: 'key:ada' };
    const changed = { delivered: 1, afterEvent: 2, addedAfter: { 'disk-low': 7 }, failingSinceMs: 4, paused };
    const tried = deliveryRow('w', 2, { tries: 3, nextMs: null, problem: 'answered 500' });
    await store.commit([
      { type: 'webhook-gone', id: 'w1' },
      { type: 'delivery-gone', id: 'w-1' },
      { type: 'delivery', row: tried },
      { type: 'webhook', row: outWebhook('w', changed) },
    ]);
    const view = await loadedView(store);
    t.same([...view.webhooks.keys()], ['w', 'w1-2']);
    t.same(view.webhooks.get('w'), outWebhook('w', changed));
    t.same([...view.deliveries.keys()], ['w-2', 'w1-2-1', 'w1-2-2']);
    t.same(view.deliveries.get('w-2'), tried);
    t.same([...(view.deliveriesByWebhook.get('w1-2') ?? [])], ['w1-2-1', 'w1-2-2']);
  });
}
