// vLLM with adapters, with several names, asleep, and at its own limits. No such server was at hand: the answers are written after its
// documentation and its source; those that were recorded are in recorded.test.ts.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { modelLoadsOf } from '../models/model-loads.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';

const never = new AbortController().signal;
const hello = (model: string): ChatRequest => ({ model, messages: [{ role: 'user', content: 'Hi.' }], sampling: {} });
const row = (id: string, more: object = {}) => ({ id, owned_by: 'vllm', root: '/models/base', parent: null, ...more });

interface Stand {
  rows: object[];
  metrics: string;
  /** Undefined: it was started without development mode. */
  asleep: boolean | undefined;
  wakeMs: number;
  wakes: 'well' | 'not' | 'with an error';
  /** The answer to a chat; 200: it streams, and ends when `finish` is called. */
  status: number;
  isHeld: boolean;
}

async function vllm(t: Test, over: Partial<Stand> = {}) {
  const stand: Stand = {
    rows: [],
    metrics: '',
    asleep: undefined,
    wakeMs: 0,
    wakes: 'well',
    status: 200,
    isHeld: false,
    ...over,
  };
  const asked: string[] = [];
  const held: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    asked.push(`${request.method} ${request.url}${body ? ` ${JSON.parse(body).model ?? ''}` : ''}`);
    const json = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const isDev = stand.asleep !== undefined;
    switch (`${request.method} ${request.url}`) {
      case 'GET /v1/models':
        return json(200, { data: stand.rows });
      case 'GET /metrics':
        return response.writeHead(200).end(stand.metrics);
      case 'GET /is_sleeping':
        return isDev ? json(200, { is_sleeping: stand.asleep }) : json(404, { detail: 'Not Found' });
      case 'POST /wake_up':
        if (stand.wakes === 'with an error') return json(500, { error: { message: 'out of memory' } });
        setTimeout(() => {
          if (stand.wakes === 'well') stand.asleep = false;
          response.writeHead(200).end();
        }, stand.wakeMs);
        return;
      case 'POST /sleep?level=1':
        stand.asleep = true;
        return response.writeHead(200).end();
      case 'POST /v1/chat/completions': {
        if (stand.status !== 200)
          return json(stand.status, {
            error: { message: 'The queue is full.', type: 'ServiceUnavailable', code: 503 },
          });
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n');
        const finish = () =>
          response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
        return stand.isHeld ? void held.push(finish) : finish();
      }
      default:
        return json(404, { detail: 'Not Found' });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const runtime = createOpenAi({ url, clock: systemClock, log: silentLog });
  t.teardown(async () => {
    await runtime.close();
    server.closeAllConnections();
    server.close();
  });
  const finishAll = () => {
    for (const finish of held.splice(0)) finish();
  };
  return { runtime, stand, asked, finishAll, held };
}
const gauges = (model: string, running: number, waiting = 0, kv = '') =>
  `vllm:num_requests_running{engine="0",model_name="${model}"} ${running}.0\nvllm:num_requests_waiting{engine="0",model_name="${model}"} ${waiting}.0\n${kv}`;
async function read(runtime: Runtime, model: string): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of runtime.chat(hello(model), never)) events.push(event);
  return events;
}

t.test('several names are one model; adapters are models that share its slots and its memory', async (t) => {
  const rows = [
    row('qwen2.5-7b-instruct', { max_model_len: 8192 }),
    row('chat', { max_model_len: 8192 }),
    row('sql-lora', { root: '/adapters/sql', parent: 'chat' }),
    row('poet', { root: '/adapters/poet', parent: 'qwen2.5-7b-instruct', max_model_len: 4096 }),
  ];
  const { runtime, stand, asked, finishAll, held } = await vllm(t, { rows, isHeld: true });
  stand.metrics = gauges('qwen2.5-7b-instruct', 3);
  const models = await runtime.models();
  t.match(models, [
    { name: 'qwen2.5-7b-instruct', kind: 'chat', contextTokens: 8192, parametersB: 7.62, resident: true },
    { name: 'sql-lora', adapterOf: 'qwen2.5-7b-instruct', contextTokens: 8192, parametersB: 7.62, sizeBytes: 0 },
    { name: 'poet', adapterOf: 'qwen2.5-7b-instruct', contextTokens: 4096, sizeBytes: 0, residentBytes: 0 },
  ]);
  t.equal(models.length, 3);
  t.ok(models[0]?.aliases.includes('chat'));
  t.equal(asked.filter((line) => line.includes('/v1/embeddings')).length, 1, 'an adapter is of the kind of its model');

  const answer = read(runtime, 'sql-lora');
  while (held.length === 0) await new Promise(setImmediate);
  await runtime.models();
  for (const { name } of models) t.equal(runtime.others?.(name), 2, `one of three is of this node: ${name}`);
  const gate = {
    model: 'qwen2.5-7b-instruct',
    slots: 16,
    busy: 1,
    waiting: 0,
    oldestWaitMs: 0,
    admitted: 1,
    refused: 0,
  };
  t.same(
    modelLoadsOf(
      [gate],
      models.map((model) => ({ runtime, model })),
    ),
    models.map(({ name }) => ({ name, busy: 1, waiting: 0, slots: 16, others: 2 })),
  );
  finishAll();
  await answer;
  t.ok(
    asked.some((line) => line.endsWith('/v1/chat/completions sql-lora')),
    'asked by its own name',
  );
});

t.test('asleep it is shown as such; requests wake it once, and what that took is known', async (t) => {
  const { runtime, asked, stand } = await vllm(t, { rows: [row('m')], asleep: true, wakeMs: 120 });
  t.match(await runtime.models(), [{ resident: false, asleep: true }]);
  const [one, two] = await Promise.all([read(runtime, 'm'), read(runtime, 'm')]);
  for (const events of [one, two]) {
    const end = events.at(-1);
    t.ok(end?.type === 'end' && end.usage.loadMs >= 100, 'it waited');
  }
  t.equal(asked.filter((line) => line.startsWith('POST /wake_up')).length, 1);
  t.match(await runtime.models(), [{ resident: true }]);
  const again = (await read(runtime, 'm')).at(-1);
  t.ok(again?.type === 'end' && again.usage.loadMs === 0);

  await runtime.unload('m');
  t.match(await runtime.models(), [{ resident: false, asleep: true }]);
  stand.wakeMs = 0;
  await runtime.load('m');
  t.match(await runtime.models(), [{ resident: true }]);
  stand.metrics = gauges('m', 1);
  await t.rejects(runtime.unload('m'), { code: 'overloaded' }, 'others use it');
  stand.metrics = gauges('m', 0);
  stand.asleep = true;
  await read(runtime, 'm');
  t.equal(stand.asleep, false, 'also where another program put it down a moment ago');
});

t.test('a waking that fails is the failure of the place, and who leaves does not stop it for others', async (t) => {
  const { runtime, stand } = await vllm(t, { rows: [row('m')], asleep: true, wakes: 'with an error' });
  await t.rejects(read(runtime, 'm'), { code: 'unavailable', message: /does not wake: HTTP 500 .*out of memory/ });
  stand.wakes = 'not';
  await t.rejects(read(runtime, 'm'), { code: 'unavailable', message: /still sleeps/ });
  stand.wakes = 'well';
  stand.wakeMs = 150;
  const leaves = new AbortController();
  const gone = (async () => {
    for await (const _ of runtime.chat(hello('m'), leaves.signal));
  })();
  const stays = read(runtime, 'm');
  setTimeout(() => leaves.abort(), 50);
  await t.rejects(gone, { code: 'aborted' });
  t.equal((await stays).at(-1)?.type, 'end');
});

t.test('a server that cannot sleep is asked once, and says what would let it', async (t) => {
  const { runtime, asked } = await vllm(t, { rows: [row('m')] });
  await runtime.models();
  await read(runtime, 'm');
  await runtime.models();
  t.equal(asked.filter((line) => line === 'GET /is_sleeping').length, 1);
  await t.rejects(runtime.unload('m'), { code: 'unsupported', message: /keeps m .*--enable-sleep-mode/ });
});

t.test('a refusal at its own limit is uncounted trouble of the place, and fewer are sent', async (t) => {
  const { runtime, stand, held, finishAll } = await vllm(t, { rows: [row('m')], isHeld: true });
  await runtime.models();
  t.equal(runtime.slotsNow?.('m'), 16);
  const running = [read(runtime, 'm'), read(runtime, 'm')];
  while (held.length < 2) await new Promise(setImmediate);
  stand.status = 503;
  await t.rejects(read(runtime, 'm'), { code: 'overloaded', retryable: true, message: 'The queue is full.' });
  t.equal(runtime.slotsNow?.('m'), 2);
  finishAll();
  await Promise.all(running);
});

t.test('a full cache is a limit, under both names of its gauge', async (t) => {
  for (const name of ['kv_cache_usage_perc', 'gpu_cache_usage_perc']) {
    const { runtime, stand } = await vllm(t, { rows: [row('m')] });
    stand.metrics = gauges('m', 5, 0, `vllm:${name}{engine="0",model_name="m"} 0.5\n`);
    await runtime.models();
    t.ok((runtime.slotsNow?.('m') ?? 0) >= 10, 'half full: more are tried');
    stand.metrics = gauges(
      'm',
      5,
      0,
      `vllm:${name}{engine="0",model_name="m"} 0.97\nvllm:${name}{model_name="x"} 1e0\n`,
    );
    await runtime.models();
    t.equal(runtime.slotsNow?.('m'), 5, name);
  }
});
