// Commands to nodes through the API: only an answer of the node that got the command counts.
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { hardwareWith } from '../../../test/fixtures/coordinator/stored-rows.ts';

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
  t.match((await fleet.call('GET', '/v1/nodes/alice')).body, { conditions: { length: 0 } });
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

t.test('hardware is kept as it was told by the present boot of the node, and asked for again', async (t) => {
  const fleet = await openApiFleet();
  t.teardown(() => fleet.close());
  const alice = await fleet.node('alice');
  const path = '/v1/nodes/alice/hardware';
  const known = async () => (await fleet.call('GET', path)).body;
  t.same(await known(), { hardware: null, sinceMs: null });
  const boot = fleet.coordinator.view.nodes.get('alice')?.boot as string;
  alice.say('nodeHardware', {}, { boot: 'another-boot', hardware: hardwareWith('Z9') });
  alice.say('nodeHardware', {}, { boot, hardware: hardwareWith('A1') });
  let slot = 'B1';
  let isBroken = false;
  alice.onCommand = (_, command) => {
    const text = 'its parts could not be looked at: it took longer than 75 s';
    const reply = isBroken ? { ok: false, text } : { ok: true, hardware: hardwareWith(slot) };
    alice.say('reply', { command }, { command, ...reply });
  };
  t.match((await fleet.call('POST', path)).body, { hardware: hardwareWith('B1'), sinceMs: Number });
  slot = 'C1';
  t.match((await fleet.call('POST', path)).body, { hardware: hardwareWith('C1') });
  isBroken = true;
  t.match(await fleet.problem('POST', path), {
    code: 'unavailable',
    detail: /^alice: its parts could not be looked at/,
  });
  t.match(await known(), { hardware: hardwareWith('C1') }, 'a look that failed changes nothing');
  t.same(await fleet.problem('GET', '/v1/nodes/nobody/hardware').then(({ code }) => code), 'no-such-node');
  t.notMatch(JSON.stringify((await fleet.call('GET', '/v1/nodes')).body), 'C1', 'it is in no list of nodes');
});
