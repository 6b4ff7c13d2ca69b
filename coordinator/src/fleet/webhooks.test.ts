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
  editWebhook,
  isWanted,
  pauseWebhook,
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
  const hook = () => fleet.view.webhooks.get('w1') as OutWebhook;
  /** A try of `w1`, at its address unless said, after as many as failed before. */
  const tell = (id: string, tried: typeof failed, nextMs: number | null, sent: { url?: string; tries?: number } = {}) =>
    fleet.decide(tellDelivery, {
      ...{ id, tried, nextMs, url: hook()?.url ?? '', tries: fleet.view.deliveries.get(id)?.tries ?? 0 },
      ...sent,
    });
  return { fleet, queue, hook, tell };
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
  const { fleet, queue, hook, tell } = fleetWith(outWebhook('w1'));
  queue([deliveryRow('w1', 3), deliveryRow('w1', 4)]);
  t.equal(hook().afterEvent, 4);
  tell('w1-3', done, null);
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
  const { fleet, queue, hook, tell } = fleetWith(outWebhook('w1'));
  const count = maxDeliveriesDead + 3;
  let told = 0;
  queue(Array.from({ length: count }, (_, i) => deliveryRow('w1', i + 1)));
  for (let i = 1; i <= count; i++) {
    tell(`w1-${i}`, failed, 99);
    const { changes } = tell(`w1-${i}`, failed, null);
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
  const { fleet, queue, tell } = fleetWith(outWebhook('w1'), outWebhook('w2'));
  queue([deliveryRow('w1', 1)]);
  fleet.decide(queueDeliveries, { id: 'w2', deliveries: [deliveryRow('w2', 1)], dropped: 0, afterEvent: 1 });
  fleet.decide(deleteWebhook, { by: ada, id: 'w1' });
  t.same([...fleet.view.deliveries.keys()], ['w2-1']);
  t.same(tell('w1-1', done, null).changes, [], 'on its way meanwhile');
  t.same(queue([deliveryRow('w1', 2)]).changes, []);
});

t.test('another address gets what waits, with all its tries', async (t) => {
  const { fleet, queue, hook, tell } = fleetWith(outWebhook('w1'));
  queue([deliveryRow('w1', 1), deliveryRow('w1', 2)]);
  tell('w1-1', failed, fleet.now + 99_000);
  tell('w1-2', failed, null);
  t.equal(hook().failingSinceMs, fleet.now);
  const old = hook().url;
  const edit = (change: { url?: string; events?: OutWebhook['events'] }) =>
    fleet.decide(editWebhook, { by: ada, id: 'w1', newest: 7, ...change });
  t.same(edit({ url: old, events: ['node-online', 'node-lost'] }).changes, [], 'nothing is changed by the same again');
  const { changes } = edit({ url: 'https://example.net/' });
  t.match(
    changes.filter(({ type }) => type === 'audit'),
    [{ row: { action: 'webhook-change', text: 'to https://example.net/' } }],
  );
  t.match(hook(), {
    url: 'https://example.net/',
    secrets: [{ text: 'whsec_first' }],
    events: ['node-lost', 'node-online'],
  });
  t.notOk('failingSinceMs' in hook(), 'what was given up was given up at the other address');
  t.match(fleet.view.deliveries.get('w1-1'), { tries: 0, nextMs: fleet.now });
  t.match(fleet.view.deliveries.get('w1-2'), { nextMs: null }, 'what was given up comes again when a person says so');
  t.same(tell('w1-1', failed, null, { url: old }).changes, [], 'a try that was on its way to the old one');
  t.match(fleet.view.deliveries.get('w1-1'), { tries: 0, nextMs: fleet.now });
  tell('w1-1', done, null, { url: old });
  t.notOk(fleet.view.deliveries.has('w1-1'), 'taken there is taken');
});

t.test('a type of events that is added counts from then on', async (t) => {
  const { fleet, hook } = fleetWith(outWebhook('w1', { afterEvent: 3 }));
  const edit = (events: OutWebhook['events'], newest: number) =>
    fleet.decide(editWebhook, { by: ada, id: 'w1', events, newest });
  const wanted = (type: OutWebhook['events'][number], id: number) => isWanted(hook(), { type, id });
  edit(['node-lost', 'backup-failed'], 7);
  t.same([wanted('node-online', 9), wanted('node-lost', 3), wanted('node-lost', 4)], [false, false, true]);
  t.same([wanted('backup-failed', 7), wanted('backup-failed', 8)], [false, true]);
  edit(['node-lost', 'backup-failed', 'disk-low'], 9);
  t.same([wanted('backup-failed', 8), wanted('disk-low', 9), wanted('disk-low', 10)], [true, false, true]);
  edit(['node-lost', 'disk-low'], 11);
  edit(['node-lost', 'disk-low', 'backup-failed'], 12);
  t.same([wanted('backup-failed', 12), wanted('backup-failed', 13)], [false, true], 'taken out and added again');
  t.match(fleet.decide(editWebhook, { by: ada, id: 'none', events: ['node-lost'], newest: 1 }).outcome, {
    code: 'no-such-webhook',
  });
});

t.test('through a pause events wait in the queue, and are due at its end with all their tries', async (t) => {
  const { fleet, queue, hook, tell } = fleetWith(outWebhook('w1'));
  queue([deliveryRow('w1', 1)]);
  tell('w1-1', failed, fleet.now + 3600_000);
  const pause = (paused: boolean) => fleet.decide(pauseWebhook, { by: ada, id: 'w1', paused });
  const actions = ({ changes }: ReturnType<typeof pause>) =>
    changes.flatMap((each) => (each.type === 'audit' ? each.row.action : []));
  t.same(actions(pause(true)), ['webhook-pause']);
  t.match(hook().paused, { atMs: fleet.now, by: /ada/ });
  t.same(pause(true).changes, [], 'once');
  queue(Array.from({ length: maxDeliveriesWaiting + 2 }, (_, i) => deliveryRow('w1', i + 2)));
  t.equal(deliveriesOf(fleet.view, 'w1').length, maxDeliveriesWaiting);
  t.match(hook(), { dropped: 3 }, 'the newest, where the queue is full');
  fleet.now += 1000;
  t.same(actions(pause(false)), ['webhook-resume']);
  t.notOk('paused' in hook());
  t.match(fleet.view.deliveries.get('w1-1'), { tries: 0, nextMs: fleet.now });
  t.same(tell('w1-1', failed, null, { tries: 9 }).changes, [], 'a try that began before has not used them up');
  t.same(pause(false).changes, []);
});
