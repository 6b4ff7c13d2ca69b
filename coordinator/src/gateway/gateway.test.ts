// The gateway before nodes that say what the test wants: where a request goes, what becomes of it when its node fails, and that nothing waits
// for ever or is told twice.
import type { Usage } from '@blackroad/protocol';
import { maxModelRequestsPerKey, maxPieceChars } from '@blackroad/protocol';
import { sleep, systemClock } from '@blackroad/std/clock';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { nodeWith, type ModelWork as Work } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { until } from '../../../test/fixtures/until.ts';

type Fleet = Awaited<ReturnType<typeof openApiFleet>>;
const chatModel = modelOf('m', { resident: true, slots: 2 });
const body = (given: object = {}) => ({ model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...given });
interface Completion {
  choices: { message: { content: string } }[];
  error?: { message: string; code: string };
}
const ask = (fleet: Fleet, given: object = {}) =>
  fleet.call<Completion>('POST', '/v1/chat/completions', { body: body(given) });
const opened = async (test: { teardown(run: () => unknown): unknown }) => {
  const fleet = await openApiFleet();
  test.teardown(() => fleet.close());
  return fleet;
};

t.test('an attempt that fails before its first piece goes elsewhere, and is left alone for a while', async (t) => {
  const fleet = await opened(t);
  const asked: string[] = [];
  await nodeWith(fleet, 'alice', [chatModel], ({ node, fail }) => {
    asked.push(node.id);
    fail('unavailable');
  });
  await nodeWith(fleet, 'bob', [chatModel], ({ node, say, end }) => {
    asked.push(node.id);
    say('Hello');
    end();
  });
  const first = await ask(fleet);
  t.match(first, { status: 200, body: { choices: [{ message: { content: 'Hello' } }] } });
  t.equal(first.headers.get('x-fleet-node'), 'bob');
  await ask(fleet);
  t.same(asked, ['alice', 'bob', 'bob'], 'alice is not tried again at once');
  t.match(fleet.context.gateway.figures, {
    answered: 2,
    failed: 0,
    retried: 1,
    promptTokens: 6,
    completionTokens: 4,
    underWay: 0,
  });
});

t.test('what a request asked too much of is no fault of the place', async (t) => {
  const fleet = await opened(t);
  let asked = 0;
  await nodeWith(fleet, 'alice', [chatModel], ({ request, fail, say, end }) => {
    asked++;
    if (request.logprobs !== undefined) return fail('unsupported');
    say('Hello');
    end();
  });
  t.match(await ask(fleet, { logprobs: true }), { status: 400, body: { error: { code: 'unsupported_parameter' } } });
  t.match(await ask(fleet), { status: 200 }, 'the next request is answered at once');
  t.equal(asked, 2);
});

t.test('after its first piece an answer is never spliced', async (t) => {
  const fleet = await opened(t);
  let asked = 0;
  const work = ({ say, fail }: Work) => {
    asked++;
    say('Half an ans');
    fail('unavailable');
  };
  await nodeWith(fleet, 'alice', [chatModel], work);
  await nodeWith(fleet, 'bob', [chatModel], work);
  t.match(await ask(fleet), { status: 502, body: { error: { message: /it is unavailable/ } } });
  t.equal(asked, 1);
  const streamed = await fleet.call<string>('POST', '/v1/chat/completions', { body: body({ stream: true }) });
  t.equal(streamed.status, 200, 'it had begun');
  t.match(streamed.body, /Half an ans.*"error":\{"message":"m on (alice|bob): it is unavailable"/s);
  t.notMatch(streamed.body, '[DONE]');
});

t.test('a node that is lost ends its answers, and one that had not begun goes elsewhere', async (t) => {
  const fleet = await opened(t);
  let work: Work | null = null;
  const { node: alice } = await nodeWith(fleet, 'alice', [chatModel], (given) => {
    work = given;
  });
  const answer = ask(fleet);
  await until(() => work !== null);
  await nodeWith(fleet, 'bob', [chatModel], ({ say, end }) => {
    say('From bob');
    end();
  });
  const boot = fleet.coordinator.view.live.get('alice')?.helloBoot ?? '';
  alice.say('nodeState', {}, { state: 'offline', boot });
  t.match(await answer, { status: 200, body: { choices: [{ message: { content: 'From bob' } }] } });
  const late = work as unknown as Work;
  late.say('too late');
  late.end();
  t.equal(fleet.context.gateway.figures.answered, 1);
});

t.test('a part that is lost ends the answer, and one of another node is refused', async (t) => {
  const fleet = await opened(t);
  let id = '';
  const { stopped } = await nodeWith(fleet, 'alice', [chatModel], ({ part, id: own }) => {
    id = own;
    part({ seq: 0, events: [{ text: 'one' }] });
    part({ seq: 2, events: [{ text: 'three' }] });
  });
  const bob = await fleet.node('bob');
  t.match(await ask(fleet), { status: 502, body: { error: { message: /a part of the answer of alice was lost/ } } });
  t.same(stopped, [id], 'and the node is told to stop');
  const waiting = nodeWith(fleet, 'carol', [modelOf('only-carol')], async ({ id: own, say, end }) => {
    bob.say(
      'modelAnswers',
      {},
      { answers: [{ request: own, seq: 0, events: [{ text: 'a lie' }], end: { reason: 'stop' } }] },
    );
    await sleep(systemClock, 20);
    say('the truth');
    end();
  });
  await waiting;
  t.match(await ask(fleet, { model: 'only-carol' }), { body: { choices: [{ message: { content: 'the truth' } }] } });
  t.match((await fleet.call<{ conditions: object[] }>('GET', '/v1/nodes/bob')).body.conditions, [{ code: 'refusals' }]);
});

t.test('a request that nobody waits for is stopped on its node', async (t) => {
  const fleet = await opened(t);
  let id = '';
  const { stopped } = await nodeWith(fleet, 'alice', [chatModel], (work) => {
    id = work.id;
    work.say('and so on');
  });
  const abort = new AbortController();
  const response = await fetch(`${fleet.base}/v1/chat/completions`, {
    method: 'POST',
    signal: abort.signal,
    headers: { authorization: `Bearer ${fleet.keys.client}`, 'content-type': 'application/json' },
    body: JSON.stringify(body({ stream: true })),
  });
  t.equal(response.status, 200);
  abort.abort();
  await until(() => stopped.includes(id));
  t.match(fleet.context.gateway.figures, { underWay: 0, left: 1, answered: 0 });
});

t.test('slots bound what a node gets at once; the queue is bounded, and says so', async (t) => {
  const fleet = await opened(t);
  const works: Work[] = [];
  await nodeWith(fleet, 'alice', [modelOf('m', { resident: true, slots: 1 })], (work) => works.push(work));
  const answers = Array.from({ length: 10 }, () => ask(fleet));
  await until(
    () =>
      works.length === 1 &&
      fleet.context.gateway.router.lanes.loadOf({ node: 'alice', model: 'm', slots: 1, told: undefined }).waiting >= 8,
  );
  const refused = await Promise.race(answers);
  t.match(refused, { status: 503, body: { error: { code: 'overloaded', message: /queue is full|requests wait/ } } });
  t.ok(Number(refused.headers.get('retry-after')) > 0);
  t.equal(works.length, 1);
  for (let done = 0; done < 9; done++) {
    await until(() => works.length > done);
    works[done]?.say('ok');
    works[done]?.end();
  }
  const all = await Promise.all(answers);
  t.same(all.map(({ status }) => status).sort(), [...Array(9).fill(200), 503]);
});

t.test('what is answered is in the usage: by model, node and key', async (t) => {
  const fleet = await opened(t);
  await nodeWith(fleet, 'alice', [chatModel], ({ say, end }) => {
    say('Hello');
    end();
  });
  await ask(fleet);
  await fleet.call('POST', '/v1/chat/completions', { body: body(), key: fleet.keys.client });
  await fleet.context.recorder.flush();
  const rows = async (by: string) => {
    const { body: usageNow } = await fleet.call<Usage>('GET', `/v1/usage?by=${by}`);
    return usageNow.rows.map(({ key, tasks, completionTokens }) => [key, tasks, completionTokens]);
  };
  t.same(await rows('model'), [['m', 2, 4]]);
  t.same(await rows('node'), [['alice', 2, 4]]);
  t.same(await rows('agent'), [['', 2, 4]]);
  t.same((await rows('key')).sort(), [
    ['admin', 1, 2],
    ['client', 1, 2],
  ]);
});

t.test('a model server that takes fewer at once than its node told loses no request', async (t) => {
  const fleet = await opened(t);
  let most = 0;
  const inside: Work[] = [];
  await nodeWith(fleet, 'alice', [modelOf('m', { resident: true, slots: 8 })], (work) => {
    if (inside.length >= 2) return work.fail('overloaded');
    inside.push(work);
    most = Math.max(most, inside.length);
  });
  const answers = Promise.all(Array.from({ length: 8 }, () => ask(fleet)));
  for (let done = 0; done < 8; done++) {
    // Two at the beginning, so that it is seen to take as many.
    await until(() => inside.length > (done === 0 ? 1 : 0));
    const work = inside.shift();
    work?.say('ok');
    work?.end();
  }
  t.same(
    (await answers).map(({ status }) => status),
    Array(8).fill(200),
  );
  t.equal(most, 2);
});

t.test('a key has a limit of its own', async (t) => {
  const fleet = await opened(t);
  const failed: unknown[] = [];
  const stops: (() => void)[] = [];
  await nodeWith(fleet, 'alice', [modelOf('m', { slots: 2000, resident: true })], () => {});
  const by = { kind: 'key' as const, id: 'k1', name: 'k', space: 'default', roles: ['client' as const] };
  const sink = { begin() {}, event() {}, end() {}, done() {}, fail: (error: unknown) => void failed.push(error) };
  const request = { kind: 'chat' as const, messages: [{ role: 'user' as const, content: 'Hi' }] };
  const one = { models: ['m'], request, answers: 1, stream: true, session: null };
  const { gateway } = fleet.context;
  for (let i = 0; i <= maxModelRequestsPerKey; i++) stops.push(gateway.answer(one, by, sink));
  t.match(failed, [{ code: 'rate-limited', details: { retryAfterSeconds: 2 } }]);
  for (const stop of stops) stop();
  t.equal(gateway.figures.underWay, 0);
});

t.test('a long request arrives in pieces', async (t) => {
  const fleet = await opened(t);
  const content = 'ä"\n'.repeat(maxPieceChars);
  await nodeWith(fleet, 'alice', [modelOf('m', { contextTokens: 0, resident: true })], ({ request, say, end }) => {
    say(String(request.messages?.[0]?.content === content));
    end();
  });
  t.match(await ask(fleet, { messages: [{ role: 'user', content }] }), {
    body: { choices: [{ message: { content: 'true' } }] },
  });
});

t.test('what nobody can answer is refused with the reason', async (t) => {
  const fleet = await opened(t);
  t.match(await ask(fleet), { status: 404, body: { error: { code: 'model_not_found' } } });
  const { node } = await nodeWith(fleet, 'alice', [chatModel, modelOf('e', { kind: 'embed' })], () => {});
  t.match(await ask(fleet, { model: 'e' }), {
    status: 400,
    body: { error: { message: 'e on alice: it makes vectors, it cannot chat.' } },
  });
  const tools = [{ type: 'function', function: { name: 'f' } }];
  t.match(await ask(fleet, { tools }), { status: 400, body: { error: { message: 'm on alice: it calls no tools.' } } });
  t.match(await ask(fleet, { tools, model: 'large,auto' }), {
    body: { error: { message: 'large, auto: m on alice: it calls no tools.' } },
  });
  t.match(await ask(fleet, { model: 'large,gpt-99' }), {
    body: {
      error: { message: 'No machine of the fleet has a large model or gpt-99; GET /v1/models lists what there is.' },
    },
  });
  const boot = fleet.coordinator.view.live.get('alice')?.helloBoot ?? '';
  node.say('nodeState', {}, { state: 'offline', boot });
  await until(() => fleet.coordinator.view.nodes.get('alice')?.presence !== 'online');
  const away = await ask(fleet);
  t.match(away, { status: 503, body: { error: { message: /m on alice: it is suspect/ } } });
  t.ok(away.headers.get('retry-after'));
  t.match(await fleet.call('POST', '/v1/route', { body: { model: 'm' } }), {
    body: { chosen: null, problem: /suspect/, refused: [{ node: 'alice', filter: 'closed' }] },
  });
});

t.test('a model that is on its way says how far it is', async (t) => {
  const fleet = await opened(t);
  const { node } = await nodeWith(fleet, 'alice', [chatModel], () => {});
  const capacity = fleet.coordinator.view.live.get('alice')?.capacity;
  if (!capacity) throw new Error('alice has said what she has');
  const fetches = [{ model: 'big:8b', status: 'pulling', completedBytes: 43, totalBytes: 100 }];
  node.say('nodeCapacity', {}, { ...capacity, fetches });
  await until(() => fleet.coordinator.view.live.get('alice')?.capacity?.fetches?.length === 1);
  const answer = await ask(fleet, { model: 'big:8b' });
  t.match(answer, { status: 503, body: { error: { message: 'alice fetches big:8b now (43 %).' } } });
  t.equal(answer.headers.get('retry-after'), '20');
});

t.test('thoughts are told apart in each dialect', async (t) => {
  const fleet = await opened(t);
  await nodeWith(fleet, 'alice', [chatModel], ({ part, end }) => {
    part({ events: [{ thought: 'Hm.' }, { text: 'Yes' }] });
    part({ events: [{ text: '.' }] });
    end();
  });
  t.match((await ask(fleet)).body.choices[0]?.message, { content: 'Yes.', reasoning_content: 'Hm.' });
  const messages = body({ max_tokens: 9 });
  t.match((await fleet.call('POST', '/v1/messages', { body: messages })).body, {
    content: [
      { type: 'thinking', thinking: 'Hm.' },
      { type: 'text', text: 'Yes.' },
    ],
  });
  const streamed = (await fleet.call<string>('POST', '/v1/messages', { body: { ...messages, stream: true } })).body;
  const events = [...streamed.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
  t.same(
    events.filter((name, i) => name !== events[i - 1]),
    [
      'message_start',
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      ...['content_block_start', 'content_block_delta', 'content_block_stop'],
      'message_delta',
      'message_stop',
    ],
  );
  t.match((await fleet.call('POST', '/api/chat', { body: body({ stream: false }) })).body, {
    message: { content: 'Yes.', thinking: 'Hm.' },
  });
});
