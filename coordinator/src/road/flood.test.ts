// One node sends ten thousand events at once, through a real store: the events of others stay visible, and the database stays small.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { FleetEvent, NodeView } from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

t.test('ten thousand events of one node push nobody out of sight', async (t) => {
  const path = join(t.testdir(), 'fleet.sqlite');
  const fleet = await openApiFleet({ path });
  t.teardown(() => fleet.close());
  const [alice, mad] = [await fleet.node('alice'), await fleet.node('mad')];
  const bytes = () => [path, `${path}-wal`].reduce((sum, file) => sum + statSync(file).size, 0);
  const tell = (node: typeof alice, i: number) => {
    const text = `${i} ${'x'.repeat(900)}`;
    const message = {
      boot: 'boot-0001',
      atMs: systemClock.nowMs(),
      type: 'model-pull-failed',
      severity: 'error',
      text,
    } as const;
    node.say('nodeEvent', { node: node.id, type: 'model-pull-failed' }, message);
  };
  for (let i = 0; i < 20; i++) tell(alice, i);
  const before = bytes();
  const { counters } = fleet.coordinator;
  for (let i = 0; i < 10_000; i++) tell(mad, i);
  while ((counters.get('input node-event') ?? 0) < 10_020) await sleep(systemClock, 10);
  await fleet.coordinator.submit('tick', {});
  const { body } = await fleet.call<FleetEvent[]>('GET', '/v1/events?limit=200');
  t.equal(
    body.filter(({ node, type }) => node === 'alice' && type === 'model-pull-failed').length,
    20,
    'all of alice are on the first page',
  );
  t.equal(body.filter(({ node, type }) => node === 'mad' && type === 'over-budget').length, 1);
  t.ok(bytes() - before < 2_000_000, `${bytes() - before} bytes`);
  const { body: seen } = await fleet.call<NodeView>('GET', '/v1/nodes/mad');
  t.match(seen.conditions, [
    { code: 'many-events', text: /it tells more events than 100 at once and 20 a minute; 99\d\d not kept$/ },
  ]);
  t.ok((counters.get('remark over-budget') ?? 0) > 9_800);
});
