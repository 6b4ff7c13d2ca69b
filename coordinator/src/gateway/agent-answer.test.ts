// An agent as a model: its task carries the client's conversation, its words come as they are written, and a client that leaves cancels it.
import type { TaskLease, TaskView } from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { type FakeWork, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { until } from '../../../test/fixtures/until.ts';

async function withAgent(test: { teardown(run: () => unknown): unknown }) {
  const fleet = await openApiFleet();
  test.teardown(() => fleet.close());
  const node = await fleet.node('alice');
  const body = { name: 'echo', model: ['auto'], instructions: 'Echo.' };
  await fleet.call('PUT', '/v1/agents/echo', { body });
  await until(() => fleet.agent('echo')?.placement != null);
  const leases: { lease: TaskLease; work: FakeWork }[] = [];
  node.onLease = (lease, work) => void leases.push({ lease, work });
  const ask = (given: object = {}, key = fleet.keys.client) =>
    fleet.call<{ choices: { message: { content: string } }[]; error?: { message: string } }>(
      'POST',
      '/v1/chat/completions',
      {
        key,
        body: { model: 'agent/echo', messages: [{ role: 'user', content: 'Hi' }], ...given },
      },
    );
  return { fleet, node, leases, ask };
}

t.test('the last message is the task, the messages before it are the conversation', async (t) => {
  const { leases, ask, fleet } = await withAgent(t);
  const answer = ask({
    messages: [
      { role: 'system', content: 'A client cannot instruct an agent.' },
      { role: 'user', content: 'One' },
      { role: 'user', content: 'and a half' },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: 'Three?' },
    ],
  });
  await until(() => leases.length === 1);
  t.match(leases[0]?.lease, { prompt: 'Three?', turns: [{ said: 'One\n\nand a half', answered: 'Two' }] });
  leases[0]?.work.speak('Fo');
  leases[0]?.work.speak('ur');
  leases[0]?.work.end('Four.');
  t.equal((await answer).body.choices[0]?.message.content, 'Four.', 'the end has what the pieces lack');
  t.match((await answer).headers.get('x-fleet-route'), /^echo runs on alice with /);
  t.ok(Number((await answer).headers.get('x-fleet-overhead-ms')) > 0, 'a task is stored first');
  const atOnce = ask();
  await until(() => leases.length === 2);
  leases[1]?.work.end('Five.');
  t.equal((await atOnce).headers.get('x-fleet-node'), 'alice', 'also where the answer comes with its end');
  const [, task] = (await fleet.call<TaskView[]>('GET', '/v1/tasks')).body;
  t.match(task, { state: 'done', origin: 'api', by: { name: 'client' } });
  const { body } = await fleet.call<TaskView>('GET', `/v1/tasks/${task?.id}`);
  t.match(body.turns, [{ said: 'One\n\nand a half', answered: 'Two' }]);
});

t.test('a long conversation is sent with its last exchanges', async (t) => {
  const { leases, ask } = await withAgent(t);
  const past = Array.from({ length: 30 }, (_, i) => [
    { role: 'user', content: `Question ${i} ${'x'.repeat(600)}` },
    { role: 'assistant', content: `Answer ${i} ${'y'.repeat(600)}` },
  ]).flat();
  const answer = ask({ messages: [...past, { role: 'user', content: 'And now?' }] });
  await until(() => leases.length === 1);
  const turns = leases[0]?.lease.turns ?? [];
  t.equal(turns.length, 10, 'as many as fit');
  t.match(turns.at(-1), { said: /^Question 29/, answered: /^Answer 29/ });
  leases[0]?.work.end('Well.');
  t.equal((await answer).status, 200);
});

t.test('a client that leaves cancels the task; a failure has its words', async (t) => {
  const { leases, ask, fleet } = await withAgent(t);
  const abort = new AbortController();
  const left = fetch(`${fleet.base}/v1/chat/completions`, {
    method: 'POST',
    signal: abort.signal,
    headers: { authorization: `Bearer ${fleet.keys.client}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'agent/echo', messages: [{ role: 'user', content: 'Hi' }] }),
  }).catch(() => null);
  await until(() => leases.length === 1);
  abort.abort();
  await left;
  const state = async () => (await fleet.call<TaskView[]>('GET', '/v1/tasks')).body[0]?.state;
  for (let i = 0; i < 100 && (await state()) !== 'cancelled'; i++) await sleep(systemClock, 10);
  t.equal(await state(), 'cancelled');
  const failing = ask();
  await until(() => leases.length === 2);
  leases[1]?.work.fail('its model is gone');
  t.match(await failing, { status: 502, body: { error: { message: 'its model is gone' } } });
});

t.test('a picture goes with the last message', async (t) => {
  const { leases, ask } = await withAgent(t);
  const seen = (data: string) => ({
    role: 'user',
    content: [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } },
    ],
  });
  const answer = ask({ messages: [seen('iVBORw0KGgo=')] });
  await until(() => leases.length === 1);
  t.match(leases[0]?.lease, { prompt: 'What is it?', images: ['iVBORw0KGgo='] });
  leases[0]?.work.end('A dog.');
  t.equal((await answer).status, 200);
  const earlier = await ask({ messages: [seen('iVBORw0KGgo='), { role: 'user', content: 'And now?' }] });
  t.match(earlier, { status: 400, body: { error: { message: /pictures with the last message alone/ } } });
  const large = await ask({ messages: [seen('A'.repeat(70_000))] });
  t.match(large, { status: 413, body: { error: { message: /at most 61440 characters of base64 together/ } } });
});

t.test('what an agent decides itself is refused, and so is a key that may ask no agent', async (t) => {
  const { ask, fleet } = await withAgent(t);
  const tools = [{ type: 'function', function: { name: 'f' } }];
  t.match(await ask({ tools }), { status: 400, body: { error: { message: /An agent has its own tools/ } } });
  t.match(await ask({ model: 'agent/nobody' }), { status: 404, body: { error: { message: /no agent "nobody"/ } } });
  t.match(await ask({ messages: [{ role: 'assistant', content: 'Hm' }] }), { status: 400 });
  const long = await ask({ messages: [{ role: 'user', content: 'x'.repeat(40_000) }] });
  t.match(long, { status: 400, body: { error: { message: /at most 32768 characters/ } } });
  t.equal((await ask({}, fleet.keys.viewer)).status, 403);
});
