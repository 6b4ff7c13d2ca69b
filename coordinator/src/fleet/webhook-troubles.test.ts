// The alert of a webhook whose deliveries are given up: since when, why, and what ends it.
import t from 'tap';
import { SampleFleet } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { ada } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { deliveryRow, outWebhook } from '../../../test/fixtures/coordinator/webhook-rows.ts';
import { webhookTroubles } from './webhook-troubles.ts';
import {
  deleteWebhook,
  editWebhook,
  pauseWebhook,
  queueDeliveries,
  replayDeliveries,
  tellDelivery,
} from './webhooks.ts';

const row = outWebhook('w1', { name: 'pager' });
function failingFleet() {
  const fleet = new SampleFleet();
  fleet.apply([
    { type: 'webhook', row },
    { type: 'webhook', row: outWebhook('w2') },
  ]);
  const deliveries = [1, 2, 3].map((number) => deliveryRow('w1', number));
  fleet.decide(queueDeliveries, { id: 'w1', deliveries, dropped: 0, afterEvent: 3 });
  const tell = (number: number, text: string, nextMs: number | null = null) => {
    const { tries = 0 } = fleet.view.deliveries.get(`w1-${number}`) ?? {};
    const tried = { atMs: fleet.now, ok: text === '', status: null, text };
    fleet.decide(tellDelivery, { id: `w1-${number}`, url: row.url, tries, tried, nextMs });
  };
  return { fleet, tell, found: () => webhookTroubles(fleet.view) };
}

t.test('it says which, since when and why, until a delivery succeeds', async (t) => {
  const { fleet, tell, found } = failingFleet();
  tell(1, 'answered 500', fleet.now + 1000);
  t.same(found(), [], 'one that is still tried is no trouble');
  tell(1, 'answered 500');
  const sinceMs = fleet.now;
  fleet.now += 60_000;
  tell(2, 'nobody listens there');
  t.match(found(), [
    {
      group: 'webhook-given-up:w1',
      kind: 'webhook-given-up',
      severity: 'warning',
      sinceMs,
      title: 'Deliveries of the webhook pager are given up',
      text: /; the last problem: nobody listens there\. .*: fleet webhooks show pager$/,
      actions: [{ verb: 'open-webhooks', role: 'operator' }],
    },
  ]);
  t.equal(found().length, 1, 'of the other webhook nothing is said');
  tell(3, '');
  t.same(found(), [], 'what was given up before stays to be seen, and is no trouble any more');
});

t.test('a pause, another address, a replay of all and its end end it', async (t) => {
  const { fleet, tell, found } = failingFleet();
  tell(1, 'answered 500');
  const pause = (paused: boolean) => fleet.decide(pauseWebhook, { by: ada, id: 'w1', paused });
  pause(true);
  t.same(found(), [], 'a person knows');
  pause(false);
  t.equal(found().length, 1, 'and nothing succeeded since');
  fleet.decide(replayDeliveries, { by: ada, id: 'w1' });
  t.same(found(), [], 'tried again');
  tell(1, 'answered 500');
  t.equal(found().length, 1, 'in vain');
  fleet.decide(editWebhook, { by: ada, id: 'w1', url: 'https://example.net/', newest: 9 });
  t.same(found(), [], 'nothing was given up there');
  const other = failingFleet();
  other.tell(1, 'answered 500');
  other.fleet.decide(deleteWebhook, { by: ada, id: 'w1' });
  t.same(other.found(), []);
});
