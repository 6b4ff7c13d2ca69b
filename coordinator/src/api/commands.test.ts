// Commands to nodes through the API: only an answer of the node that got the command counts.
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

t.test('another node that answers first is not heard, and it is told', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const eve = await fleet.node('eve');
  alice.onCommand = (name, command) => {
    eve.say('reply', { command }, { command, ok: true, text: 'eve says that it blinks', lines: ['a lie'] });
    alice.say('reply', { command }, { command, ok: true, text: `${name} by alice`, lines: ['the truth'] });
  };
  t.match((await fleet.call('POST', '/v1/nodes/alice/identify')).body, { text: 'identify by alice' });
  const { body } = await fleet.call<{ conditions: { text: string }[] }>('GET', '/v1/nodes/eve');
  t.match(body.conditions[0]?.text, /not its own: once .* it answers the command .*, which was sent to alice/);
  const told = [{ type: 'not-its-own', severity: 'warning', params: { node: 'eve' } }];
  t.match((await fleet.call('GET', '/v1/events?node=eve')).body, told);
  t.match((await fleet.call('GET', '/v1/events?type=not-its-own')).body, told);
  t.same((await fleet.call('GET', '/v1/events?node=eve&type=node-lost')).body, []);
  t.match((await fleet.call('GET', '/v1/nodes/alice')).body, { conditions: [] });
});

t.test('a command is in the audit before its node hears of it; one that nobody is told is not', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const audited = async () =>
    (await fleet.call<{ action: string }[]>('GET', '/v1/audit?limit=50')).body.filter(({ action }) =>
      /^node-(identify|pull)$/.test(action),
    ).length;
  const found: Promise<number>[] = [];
  alice.onCommand = (_, command) => {
    found.push(audited());
    alice.say('reply', { command }, { command, ok: true });
  };
  await fleet.call('POST', '/v1/nodes/alice/identify');
  await fleet.call('GET', '/v1/nodes/alice/log');
  t.same(await Promise.all(found), [1, 1], 'reading a log changes nothing');

  const boot = fleet.coordinator.view.nodes.get('alice')?.boot ?? '';
  await fleet.coordinator.submit('node-state', { node: 'alice', message: { state: 'offline', boot, reason: 'test' } });
  t.match(await fleet.problem('POST', '/v1/nodes/alice/pull', { body: { model: 'small' } }), {
    code: 'node-away',
    detail: /^alice is suspect: /,
  });
  t.equal(await audited(), 1);
});
