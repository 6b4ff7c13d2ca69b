// Events of nodes are kept in the node's own words, with only those params that the table of events lists.
import type { NodeEvent } from '@blackroad/protocol';
import t from 'tap';
import { SampleFleet, said } from '../../../test/fixtures/coordinator/sample-fleet.ts';
import { boot1 } from '../../../test/fixtures/coordinator/sample-rows.ts';
import type { EventRow } from '../state/change.ts';
import { acceptEvent } from './node-events.ts';

const fleet = new SampleFleet();
fleet.online('alice');
function told(over: Partial<NodeEvent>): EventRow | undefined {
  const message: NodeEvent = { boot: boot1, atMs: 1, type: 'model-pulled', severity: 'info', text: 'It is.', ...over };
  const { changes } = fleet.decide<'node-event'>(acceptEvent, { node: 'alice', message });
  return changes.flatMap((change) => (change.type === 'event' ? [change.row] : []))[0];
}

t.test("words and severity are the node's, params those of the type", async (t) => {
  t.same(told({ severity: 'warning', data: { model: 'small', seconds: 3, node: 'bob', agent: 'greeter' } }), {
    atMs: fleet.now,
    node: 'alice',
    agent: null,
    type: 'model-pulled',
    severity: 'warning',
    text: 'It is.',
    params: { model: 'small' },
  });
});

t.test('data that does not fit is not kept; the words are', async (t) => {
  for (const data of [undefined, {}, { model: 7 }, { model: 'x'.repeat(201) }, { model: ['small'] }])
    t.match(told({ data }), { type: 'model-pulled', text: 'It is.', params: {} }, JSON.stringify(data)?.slice(0, 40));
  const bad = { depth: 1, dropped: Number.MAX_VALUE, refused: 0 };
  t.same(told({ type: 'outbox-full', data: bad })?.params, {}, 'all or nothing');
  const own = JSON.parse('{ "__proto__": { "model": "small" } }');
  t.same(told({ data: own })?.params, {});
});

t.test('what only a newer node knows, or the coordinator alone may say, is a log', async (t) => {
  for (const type of ['fan-stopped', 'moves-frozen', 'constructor'])
    t.match(told({ type, data: { model: 'small' } }), { node: 'alice', type: 'log', text: 'It is.', params: { type } });
});

t.test('nobody is heard who is no node', async (t) => {
  const message = { boot: boot1, atMs: 1, type: 'log', severity: 'info', text: 'x' } as const;
  t.match(fleet.decide<'node-event'>(acceptEvent, { node: 'eve', message }), { changes: { length: 0 }, remarks: [{}] });
});

t.test('the drain button of a node drains it and takes the drain back, as the node itself', async (t) => {
  const house = new SampleFleet();
  house.online('alice');
  house.hello('alice', { pins: true });
  const ask = (data: object, boot = boot1) =>
    house.decide<'node-event'>(acceptEvent, {
      node: 'alice',
      message: {
        boot,
        atMs: 1,
        type: 'drain-asked',
        severity: 'info',
        text: 'its drain button was held',
        data: { ...data },
      },
    });
  const auditOf = ({ changes }: ReturnType<typeof ask>) =>
    changes.flatMap((change) => (change.type === 'audit' ? [`${change.row.actor} ${change.row.action}`] : []));
  const told = ({ messages }: ReturnType<typeof ask>) =>
    said(messages, 'draining').map(({ message }) => message.draining);

  const first = ask({ draining: true });
  t.equal(house.view.nodes.get('alice')?.draining, true);
  t.same(auditOf(first), ['node:alice node-drain']);
  t.same(told(first), [true]);
  t.notOk(
    first.changes.some(({ type }) => type === 'event'),
    'a question is never kept',
  );
  const again = ask({ draining: true });
  t.same(auditOf(again), [], 'a repeated question changes nothing');
  t.same(told(again), [true], 'and is answered');
  t.same(told(ask({ draining: false })), [false]);
  t.equal(house.view.nodes.get('alice')?.draining, false);
  for (const wrong of [{}, { draining: 'yes' }, { draining: null }]) {
    const { changes, messages, remarks } = ask(wrong);
    t.match({ changes, messages }, { changes: { length: 0 }, messages: { length: 0 } });
    t.match(remarks, [{ text: /drain-asked/ }]);
  }
  t.match(ask({ draining: true }, 'boot-of-yesterday'), { changes: { length: 0 }, remarks: [{ reason: 'old-boot' }] });
});
