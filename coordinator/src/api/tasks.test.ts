// Nodes, agents and tasks end to end over HTTP: a node in this process sends real messages; answers are JSON and streams.
import { faults, type Problem, type RouteName, type RouteRow, routes, type TaskView } from '@blackroad/protocol';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';

const fleet = await openApiFleet();
t.teardown(() => fleet.close());
const alice = await fleet.node('alice');
const spec = { name: 'greeter', model: ['auto'], instructions: 'Greet.', queue: 3, limits: { attempts: 1 } };

/** Sends a request and checks that the answer fits the schema of its route. */
async function ask<T>(
  t: Pick<TapTest, 'ok' | 'same'>,
  name: RouteName,
  path: string,
  options: Parameters<typeof fleet.call>[2] = {},
): Promise<T> {
  const row: RouteRow = routes[name];
  const { status, body } = await fleet.call<T>(row.method, path, options);
  t.ok(status < 300, `${name}: ${status} ${JSON.stringify(body).slice(0, 300)}`);
  if (row.answer) t.same(faults(row.answer, body), [], `${name} answers what its row says`);
  return body;
}
interface Event {
  event: string;
  data: TaskView & { text: string; offset: number };
}
async function* events(path: string, options: RequestInit = {}): AsyncGenerator<Event, void> {
  const answer = await fetch(fleet.base + path, {
    ...options,
    headers: {
      authorization: `Bearer ${fleet.keys.operator}`,
      accept: 'text/event-stream',
      ...(options.body ? { 'content-type': 'application/json' } : {}),
    },
  });
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(await answer.text());
  let text = '';
  for await (const bytes of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += bytes;
    const parts = text.split('\n\n');
    text = parts.pop() as string;
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
      if (event) yield { event, data: JSON.parse(data as string) };
    }
  }
}
const post = (body: object): RequestInit => ({ method: 'POST', body: JSON.stringify(body) });
async function until<T>(look: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look();
    if (fits(value)) return value;
    await new Promise(setImmediate);
  }
}
type TapTest = typeof t;

t.test('an agent is applied, placed and shown with why', async (t) => {
  const applied = await fleet.call('PUT', '/v1/agents/greeter', { key: fleet.keys.operator, body: spec });
  t.match(applied, {
    status: 201,
    body: { name: 'greeter', version: 1, spec: { temperature: 0, memory: { recall: 5 } } },
  });
  t.equal((await fleet.call('PUT', '/v1/agents/greeter', { body: spec })).status, 200, 'the same again');
  const agent = await until(
    () => ask<{ state: string }>(t, 'agent', '/v1/agents/greeter'),
    ({ state }) => state === 'ready',
  );
  t.match(agent, { node: 'alice', epoch: 1, model: 'tiny', why: { node: 'alice' }, unplaced: null });
  t.match(await ask(t, 'agents', '/v1/agents'), [{ name: 'greeter' }]);
  t.match(await ask(t, 'agentVersions', '/v1/agents/greeter/versions'), [{ version: 1, by: 'key:operator' }]);
  t.match(await ask(t, 'nodes', '/v1/nodes'), [{ id: 'alice', presence: 'online', agents: ['greeter'] }]);
  t.match(await ask(t, 'fleet', '/v1/fleet'), { nodes: { online: 1 }, agents: { ready: 1 } });
  const events = await ask<{ node: string }[]>(t, 'events', '/v1/events?node=alice');
  t.ok(events.length > 0 && events.every(({ node }) => node === 'alice'));
});

t.test('ask as a stream: the task, every chunk, one end', async (t) => {
  alice.onLease = (_lease, { speak, end }) => {
    for (const word of ['I ', 'am ', 'Greeter.']) speak(word);
    end('I am Greeter.');
  };
  const seen: Event[] = [];
  for await (const event of events('/v1/agents/greeter/tasks', post({ prompt: 'Who are you?' }))) seen.push(event);
  t.equal(seen[0]?.event, 'task');
  t.equal(
    seen
      .filter(({ event }) => event === 'chunk')
      .map(({ data }) => data.text)
      .join(''),
    'I am Greeter.',
  );
  t.equal(seen.filter(({ event }) => event === 'end').length, 1);
  t.match(seen.at(-1), {
    event: 'end',
    data: { state: 'done', result: 'I am Greeter.', node: 'alice', origin: 'api' },
  });
  t.match(await ask(t, 'task', `/v1/tasks/${seen[0]?.data.id}`), { state: 'done', prompt: 'Who are you?' });
  const again: Event[] = [];
  for await (const event of events(`/v1/tasks/${seen[0]?.data.id}`)) again.push(event);
  t.same(
    again.map(({ event }) => event),
    ['task', 'end'],
    'an ended task, followed',
  );
});

t.test('a stream of what is refused is a plain problem', async (t) => {
  const { status, body } = await fleet.call<Problem>('POST', '/v1/agents/nobody/tasks', {
    body: { prompt: 'x' },
    headers: { accept: 'text/event-stream' },
  });
  t.match({ status, body }, { status: 404, body: { code: 'no-such-agent' } });
  t.equal(fleet.context.streams.size, 0);
});

t.test('the same idempotency key is the same task, live and ended', async (t) => {
  let finish = () => {};
  alice.onLease = (_lease, { end }) => {
    finish = () => end('once');
  };
  const body = { prompt: 'Do it.', idempotencyKey: 'k1' };
  const first = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body });
  t.equal(first.status, 201);
  const second = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body });
  t.match(second, { status: 200, body: { id: first.body.id } });
  await until(
    () => ask<TaskView>(t, 'task', `/v1/tasks/${first.body.id}`),
    ({ state }) => state === 'running',
  );
  const followed: Event[] = [];
  const following = (async () => {
    for await (const event of events('/v1/agents/greeter/tasks', post(body))) {
      followed.push(event);
      if (followed.length === 1) finish();
    }
  })();
  await following;
  t.match(followed.at(-1), { event: 'end', data: { id: first.body.id, result: 'once' } });
  const third = await fleet.call<TaskView>('POST', '/v1/agents/greeter/tasks', { body });
  t.match(third, { status: 200, body: { id: first.body.id, state: 'done', result: 'once' } });
  await fleet.call('PUT', '/v1/agents/other', { body: { ...spec, name: 'other' } });
  const elsewhere = await fleet.problem('POST', '/v1/agents/other/tasks', { body });
  t.match(elsewhere, { code: 'conflict', detail: /idempotencyKey: .*greeter/ });
  await fleet.call('DELETE', '/v1/agents/other');
});

t.test('every task says who asked, and no audit row does so again', async (t) => {
  alice.onLease = (_lease, { fail }) => fail('The shed is locked.');
  const id = (role: 'admin' | 'operator') => fleet.keys[role].split('_')[1];
  const operator = { kind: 'key', id: id('operator'), name: 'operator' };
  const admin = { kind: 'key', id: id('admin'), name: 'admin' };
  const actions = async () => (await fleet.call<{ action: string }[]>('GET', '/v1/audit?limit=1000')).body.length;
  const before = await actions();

  const one = { key: fleet.keys.operator, body: { prompt: 'One.', idempotencyKey: 'who', origin: 'cli' } };
  const first = await ask<TaskView>(t, 'ask', '/v1/agents/greeter/tasks', one);
  t.same(first.by, operator);
  const again = await ask<TaskView>(t, 'ask', '/v1/agents/greeter/tasks', { body: one.body });
  t.match(again, { id: first.id, by: operator }, 'asked again by another, it is the task of the first');

  const batch = { tasks: [{ agent: 'greeter', request: { prompt: 'Two.' } }] };
  const { results } = await ask<{ results: { task: string }[] }>(t, 'tasksSubmit', '/v1/tasks', { body: batch });
  const dead = await until(
    () => ask<TaskView>(t, 'task', `/v1/tasks/${results[0]?.task}`),
    ({ state }) => state === 'failed',
  );
  t.same(dead.by, admin);

  const signedIn = await fleet.call('POST', '/v1/sign-in', { key: null, body: { code: fleet.keys.operator } });
  const cookie = (signedIn.headers.get('set-cookie') ?? '').split(';')[0] as string;
  const session = { key: null, headers: { cookie, origin: fleet.base, 'x-blackroad': '1' } };
  const talked = await ask<TaskView>(t, 'ask', '/v1/agents/greeter/tasks', { ...session, body: { prompt: 'Three.' } });
  t.match(talked, { origin: 'console', by: { ...operator, kind: 'session' } });
  t.equal(await actions(), before + 1, 'the sign-in alone');

  const retried = await ask<TaskView>(t, 'taskRetry', `/v1/tasks/${dead.id}/retry`, session);
  t.match(retried, { prompt: 'Two.', by: { ...operator, kind: 'session' } }, 'who sent it round again asks now');
  t.same((await ask<TaskView>(t, 'task', `/v1/tasks/${dead.id}`)).by, admin, 'and the dead letter stays what it was');
  t.equal(await actions(), before + 2);
  const shown = await ask<TaskView[]>(t, 'tasks', '/v1/tasks?limit=3');
  t.ok(shown.length === 3 && shown.every(({ by }) => by !== undefined), 'in lists too');
});

t.test('leaving a stream ends the following, not the task', async (t) => {
  let finish = () => {};
  alice.onLease = (_lease, { end }) => {
    finish = () => end('still done');
  };
  const abort = new AbortController();
  let id = '';
  for await (const { data } of events('/v1/agents/greeter/tasks', { ...post({ prompt: 'x' }), signal: abort.signal })) {
    id = data.id;
    break;
  }
  abort.abort();
  await until(
    async () => fleet.context.streams.size,
    (size) => size === 0,
  );
  await until(
    () => ask<TaskView>(t, 'task', `/v1/tasks/${id}`),
    ({ state }) => state === 'running',
  );
  finish();
  const task = await until(
    () => ask<TaskView>(t, 'task', `/v1/tasks/${id}`),
    ({ state }) => state === 'done',
  );
  t.equal(task.result, 'still done');
});

t.test('many at once, each accepted or refused by itself; the queue is bounded; cancel', async (t) => {
  alice.onLease = () => {};
  const request = { prompt: 'wait' };
  const tasks = [...Array.from({ length: 5 }, () => ({ agent: 'greeter', request })), { agent: 'greter', request }];
  const { results } = await ask<{
    results: { task: string | null; problem: { code: string; detail: string } | null }[];
  }>(t, 'tasksSubmit', '/v1/tasks', { body: { tasks } });
  const accepted = results.flatMap(({ task }) => (task === null ? [] : [task]));
  const codes = results.map(({ problem }) => problem?.code ?? 'ok');
  t.ok(codes.includes('queue-full'), codes.join());
  t.match(results.at(-1)?.problem, { code: 'no-such-agent', detail: /did you mean greeter/ });
  const full = await fleet.call<Problem>('POST', '/v1/agents/greeter/tasks', { body: request });
  t.match(full, { status: 429, body: { code: 'queue-full' } });
  const shown = await ask<TaskView[]>(t, 'tasks', '/v1/tasks?agent=greeter&limit=2');
  t.equal(shown.length, 2);
  t.ok((shown[0]?.id ?? '') > (shown[1]?.id ?? ''), 'newest first');
  const older = await ask<TaskView[]>(t, 'tasks', `/v1/tasks?before=${shown[1]?.id}&limit=1000`);
  t.ok(
    older.length > 0 && older.every(({ id }) => id < (shown[1]?.id ?? '')),
    'a page goes on where the last one ended',
  );
  for (const id of accepted) t.equal((await fleet.call('POST', `/v1/tasks/${id}/cancel`)).status, 200);
  t.match(await fleet.problem('POST', `/v1/tasks/${accepted.at(-1)}/cancel`), {
    code: 'conflict',
    detail: /cancelled/,
  });
  const cancelled = await ask<TaskView[]>(t, 'tasks', '/v1/tasks?state=cancelled');
  t.ok(cancelled.some(({ id }) => id === accepted.at(-1)));
});

t.test('node commands are answered by the node; a node that is away says so', async (t) => {
  alice.onCommand = (name, command) =>
    alice.say(
      'reply',
      { command },
      {
        command,
        ok: name !== 'pull',
        lines: ['one', 'two'],
        ...(name === 'pull' ? { problem: { code: 'disk-full', text: 'the disk is full', retryable: false } } : {}),
      },
    );
  t.same(await ask(t, 'nodeLog', '/v1/nodes/alice/log?lines=2'), { lines: ['one', 'two'] });
  t.match(await ask(t, 'nodeIdentify', '/v1/nodes/alice/identify'), { text: /alice/ });
  t.match(await fleet.problem('POST', '/v1/nodes/alice/pull', { body: { model: 'big' } }), {
    status: 409,
    detail: 'alice: the disk is full',
  });
  const { body: audit } = await fleet.call<{ action: string; actor: string }[]>('GET', '/v1/audit');
  t.ok(audit.some(({ action, actor }) => action === 'node-pull' && actor === 'key:admin'));
  t.match(await ask(t, 'nodeEdit', '/v1/nodes/alice', { body: { cordoned: true, labels: { room: 'attic' } } }), {
    cordoned: true,
    labels: { room: 'attic' },
  });
  alice.say(
    'nodeState',
    {},
    { state: 'offline', boot: fleet.coordinator.view.nodes.get('alice')?.boot as string, reason: 'stopped' },
  );
  await until(
    () => ask<{ presence: string }>(t, 'node', '/v1/nodes/alice'),
    ({ presence }) => presence !== 'online',
  );
  t.match(await fleet.problem('GET', '/v1/nodes/alice/log'), { code: 'node-away', detail: /alice is (suspect|lost)/ });
});

t.test('memory: an empty log verifies, search answers', async (t) => {
  t.match(await ask(t, 'memoryVerify', '/v1/agents/greeter/memory/verify'), { valid: true, entries: 0 });
  t.same(await ask(t, 'memoryLog', '/v1/agents/greeter/memory'), []);
  t.same(await ask(t, 'memorySearch', '/v1/memory/search?q=ada'), []);
  t.equal((await fleet.call('DELETE', '/v1/agents/greeter')).status, 204);
  t.equal((await fleet.call('GET', '/v1/agents/greeter')).status, 404);
  t.equal((await fleet.call('DELETE', '/v1/nodes/alice')).status, 204);
  t.same(await ask(t, 'nodes', '/v1/nodes'), []);
});
