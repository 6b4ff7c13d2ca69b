// Asks over MQTT as a broker delivers them: each is answered, a refused one with the reason, and a retained one is not carried out.
import type { NodeHealth } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/until.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
await fleet.node('alice');
await fleet.call('PUT', '/v1/agents/greeter', { body: { name: 'greeter', model: ['auto'], instructions: 'Greet.' } });
const ask = (payload: string | Buffer, more: object = {}) =>
  fleet.arrive({ topic: 'blackroad/v1/agent/greeter/ask', payload: Buffer.from(payload), retained: false, ...more });
const keyNamed = (name: string) => ({ kind: 'key' as const, id: `k-${name}`, name });
const prefix = 'blackroad/v1/agent/greeter/answer/';
const answers = () =>
  fleet.told
    .filter(({ topic }) => topic.startsWith(prefix))
    .map(({ topic, payload }) => ({ id: topic.slice(prefix.length), ...JSON.parse(payload) }));
const tasks = async () => (await fleet.call<unknown[]>('GET', '/v1/tasks?limit=1000')).body.length;

t.test('a question that cannot be taken is answered with the reason', async (t) => {
  const bad: [string, RegExp, string?][] = [
    ['', /ask is not JSON/],
    ['{"message":"hi"}', /ask: prompt: expected/],
    ['["a","b"]', /ask: .*expected object/],
    ['x'.repeat(40_000), /ask: prompt: expected/],
    ['{"id":"hall-1","prompt":""}', /prompt: expected/, 'hall-1'],
    ['{"id":"not an id!","prompt":"x"}', /id: expected/],
    ['x'.repeat(100_000), /at most \d+ are allowed/],
    [`{"id":"deep","prompt":${'['.repeat(200)}${']'.repeat(200)}}`, /levels of nesting/, 'deep'],
  ];
  for (const [payload, reason, id] of bad) {
    const before = answers().length;
    ask(payload);
    const answer = answers()[before];
    t.match(answer, { agent: 'greeter', ok: false, task: null, text: reason }, payload.slice(0, 40));
    if (id) t.equal(answer?.id, id, 'on the topic that the question names');
  }
  ask('hello', { refused: 'This key asks too often; wait a minute.', by: keyNamed('ha') });
  t.match(answers().at(-1), { ok: false, text: /too often/ }, 'what a door refused is answered too');
  t.equal(await tasks(), 0);
});

t.test('a task says which key asked; where the broker does not say, nobody is named', async (t) => {
  const task = async (id: string) => {
    await until(() => answers().some((answer) => answer.id === id));
    const { task } = answers().find((answer) => answer.id === id) as { task: string };
    return (await fleet.call<{ by?: object; origin: string }>('GET', `/v1/tasks/${task}`)).body;
  };
  ask('{"id":"named","prompt":"hello"}', { by: keyNamed('ha') });
  t.match(await task('named'), { origin: 'mqtt', by: { kind: 'key', id: 'k-ha', name: 'ha' } });
  ask('{"id":"unnamed","prompt":"hello"}');
  const unnamed = await task('unnamed');
  t.equal(unnamed.origin, 'mqtt');
  t.notOk('by' in unnamed);
});

t.test('nonsense in a loop is not answered in a loop', async (t) => {
  const before = answers().length;
  for (let i = 0; i < 500; i++) ask('', { by: keyNamed('loop') });
  t.equal(answers().length - before, 60);
  ask('', { by: keyNamed('other') });
  t.equal(answers().length - before, 61, 'nobody else is silenced by it');
});

t.test('an ask that comes as a kept copy is not run, whatever the number of starts', async (t) => {
  const before = await tasks();
  for (let i = 0; i < 3; i++) ask('turn the heating on', { retained: true });
  ask('{"id":"live","prompt":"live"}');
  await until(() => answers().some(({ id }) => id === 'live'));
  t.equal(await tasks(), before + 1);
  t.equal(fleet.coordinator.counters.get('remark retained'), 3);
});

t.test('of other messages too: a kept report is old news, a kept birth is not', async (t) => {
  const say = (topic: string, message: object) =>
    fleet.arrive({
      topic: `blackroad/v1/node/alice/${topic}`,
      payload: Buffer.from(JSON.stringify(message)),
      retained: true,
    });
  const boot = fleet.coordinator.view.nodes.get('alice')?.boot as string;
  say('event/log', { boot, atMs: 0, type: 'log', severity: 'info', text: 'old' });
  t.equal(fleet.coordinator.counters.get('remark retained'), 4);
  say('state', { state: 'offline', boot, reason: 'kept' });
  await until(() => fleet.coordinator.view.nodes.get('alice')?.presence === 'suspect');
});

t.test('a coordinator that has too much to do says so: whoever asks does not wait for ever', async (t) => {
  const { health } = fleet.coordinator.view.live.get('alice') as unknown as { health: NodeHealth };
  const heartbeat = { node: 'alice', message: health };
  for (let i = 0; i < 51_000; i++) fleet.coordinator.submit('node-health', heartbeat).catch(() => {}); // fails for heartbeats beyond the limit of waiting inputs
  ask('{"id":"busy","prompt":"Is somebody there?"}');
  await until(() => answers().some(({ id }) => id === 'busy'));
  const answer = answers().find(({ id }) => id === 'busy');
  t.match(answer, { agent: 'greeter', ok: false, task: null, text: /inputs are waiting; try again/ });
});
