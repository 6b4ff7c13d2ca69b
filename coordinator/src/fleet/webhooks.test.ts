// Webhooks as decisions: names are unique, queues are bounded, what is delivered goes, what is given up stays to be seen and comes again.
import { coordinatorSelf, maxDeliveriesDead, maxDeliveriesWaiting, maxWebhooks } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { deliveryRow, outWebhook } from '../../../test/fixtures/coordinator/webhook-rows.ts';
import type { DeliveryRow, OutWebhook, WebhookRow } from '../state/webhook-rows.ts';
import {
  createWebhook,
  deleteWebhook,
  deliveriesOf,
  queueDeliveries,
  replayDeliveries,
  rotateWebhook,
  secretsAt,
  tellDelivery,
} from './webhooks.ts';

const failed = { atMs: 5, ok: false, status: 500, text: 'answered 500' };
const done = { atMs: 6, ok: true, status: 204, text: 'answered 204' };

function fleetWith(...rows: WebhookRow[]) {
  const fleet = new SampleFleet();
  for (const row of rows) fleet.decide(createWebhook, { by: coordinatorSelf, row });
  const queue = (deliveries: DeliveryRow[], dropped = 0) =>
    fleet.decide(queueDeliveries, { id: 'w1', deliveries, dropped, afterEvent: deliveries.at(-1)?.number ?? 0 });
  return { fleet, queue, hook: () => fleet.view.webhooks.get('w1') as OutWebhook };
}
const codeOf = (decision: { outcome: { ok: boolean } }) => (decision.outcome as { code?: string }).code;

t.test('a name is one webhook', async (t) => {
  const { fleet, hook } = fleetWith(outWebhook('w1'));
  t.match(hook(), { name: 'hook-w1', by: 'coordinator', createdMs: fleet.now });
  const row = { ...outWebhook('w2'), name: 'hook-w1' };
  t.equal(codeOf(fleet.decide(createWebhook, { by: ada, row })), 'conflict');
  const many = Array.from({ length: maxWebhooks - 1 }, (_, i) => outWebhook(`x${i}`));
  for (const each of many) t.equal(codeOf(fleet.decide(createWebhook, { by: ada, row: each })), undefined);
  t.equal(codeOf(fleet.decide(createWebhook, { by: ada, row: outWebhook('over') })), 'fleet-full');
});

t.test('an event is queued once, whatever is queued again', async (t) => {
  const { fleet, queue, hook } = fleetWith(outWebhook('w1'));
  queue([deliveryRow('w1', 3), deliveryRow('w1', 4)]);
  t.equal(hook().afterEvent, 4);
  fleet.decide(tellDelivery, { id: 'w1-3', tried: done, nextMs: null });
  queue([deliveryRow('w1', 3), deliveryRow('w1', 4), deliveryRow('w1', 5)]);
  t.same(
    deliveriesOf(fleet.view, 'w1').map(({ number }) => number),
    [4, 5],
    'what was delivered does not come again',
  );
  t.match(hook(), { delivered: 1, afterEvent: 5, last: { ok: true, event: 'node-lost' } });
});

t.test('a full queue leaves out what is newest, and counts it', async (t) => {
  const { fleet, queue, hook } = fleetWith(outWebhook('w1'));
  const many = Array.from({ length: maxDeliveriesWaiting + 7 }, (_, i) => deliveryRow('w1', i + 1));
  queue(many, 2);
  t.equal(deliveriesOf(fleet.view, 'w1').length, maxDeliveriesWaiting);
  t.match(hook(), { dropped: 9, afterEvent: many.length });
  queue([deliveryRow('w1', 9_999)]);
  t.match(hook(), { dropped: 10 });
});

t.test('what is given up stays, the newest ones, and is tried again when a person says so', async (t) => {
  const { fleet, queue, hook } = fleetWith(outWebhook('w1'));
  const count = maxDeliveriesDead + 3;
  let told = 0;
  queue(Array.from({ length: count }, (_, i) => deliveryRow('w1', i + 1)));
  for (let i = 1; i <= count; i++) {
    fleet.decide(tellDelivery, { id: `w1-${i}`, tried: failed, nextMs: 99 });
    const { changes } = fleet.decide(tellDelivery, { id: `w1-${i}`, tried: failed, nextMs: null });
    told += changes.filter(({ type }) => type === 'event').length;
  }
  const dead = deliveriesOf(fleet.view, 'w1');
  t.equal(told, 1, 'one event says that it gives up');
  t.same([dead.length, dead[0]?.number, dead[0]?.tries, dead[0]?.nextMs], [maxDeliveriesDead, 4, 2, null]);
  const some = fleet.decide(replayDeliveries, { by: ada, id: 'w1', deliveries: ['w1-4'] });
  t.match(some.outcome, { value: { replayed: 1 } });
  t.match(fleet.view.deliveries.get('w1-4'), { tries: 0, nextMs: fleet.now, problem: 'answered 500' });
  t.equal(codeOf(fleet.decide(replayDeliveries, { by: ada, id: 'w1', deliveries: ['w1-4'] })), 'invalid-request');
  t.match(fleet.decide(replayDeliveries, { by: ada, id: 'w1' }).outcome, {
    value: { replayed: maxDeliveriesDead - 1 },
  });
  t.match(hook(), { last: { ok: false, status: 500 } });
});

t.test('another secret: both sign for a day, and of three the oldest never', async (t) => {
  const { fleet, hook } = fleetWith(outWebhook('w1'));
  fleet.decide(rotateWebhook, { by: ada, id: 'w1', secret: { text: 'second', hash: '' } });
  t.same(secretsAt(hook(), fleet.now), ['second', 'whsec_first']);
  fleet.decide(rotateWebhook, { by: ada, id: 'w1', secret: { text: 'third', hash: '' } });
  t.same(secretsAt(hook(), fleet.now), ['third', 'second']);
  t.same(secretsAt(hook(), fleet.now + 24 * 3600_000), ['third']);
});

t.test('a deleted webhook takes what waits for it along', async (t) => {
  const { fleet, queue } = fleetWith(outWebhook('w1'), outWebhook('w2'));
  queue([deliveryRow('w1', 1)]);
  fleet.decide(queueDeliveries, { id: 'w2', deliveries: [deliveryRow('w2', 1)], dropped: 0, afterEvent: 1 });
  fleet.decide(deleteWebhook, { by: ada, id: 'w1' });
  t.same([...fleet.view.deliveries.keys()], ['w2-1']);
  t.match(
    fleet.decide(tellDelivery, { id: 'w1-1', tried: done, nextMs: null }),
    { changes: [] },
    'on its way meanwhile',
  );
  t.match(queue([deliveryRow('w1', 2)]), { changes: [] });
});
