// Recorded messages of a llama-server and the documented forms of vLLM, and what the runtime makes of them.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import { problemOf, streamProblem } from '@blackroad/model-server/openai-problem';
import { createToolCallAssembly, textOf, toolCallPieces } from '@blackroad/model-server/openai-wire';
import type { RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import { ServerSentEvents } from '@blackroad/model-server/server-sent-events';
import { type Clock, systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import { HandClock } from '../../../test/fixtures/node-agent/hand-clock.ts';
import {
  exchangesOf,
  type Reply,
  type SeenRequest,
  startReplay,
} from '../../../test/fixtures/node-agent/replay-server.ts';
import { scriptedOpenAi } from '../../../test/fixtures/node-agent/scripted-runtimes.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';
import { kvCacheTokens, requestsIn } from './vllm-metrics.ts';

const never = new AbortController().signal;
const common = { clock: systemClock, log: silentLog };
const hello: ChatRequest = {
  model: 'smollm2-135m',
  messages: [{ role: 'user', content: 'Say hello.' }],
  maxTokens: 10,
  sampling: { temperature: 0 },
};

async function llamaServer(t: Test, choose: (request: SeenRequest) => Reply | undefined) {
  const usual: Record<string, string> = {
    '/health': 'health',
    '/v1/models': 'models',
    '/props': 'props',
    '/v1/embeddings': 'embeddings-not-enabled',
    '/v1/chat/completions': 'chat-stream',
  };
  const replay = await startReplay(
    'llama-server',
    (request) => choose(request) ?? usual[request.path] ?? 'unknown-route',
  );
  const openai = createOpenAi({ ...common, url: replay.url });
  t.teardown(async () => {
    await openai.close();
    await replay.close();
  });
  return { openai, replay };
}

async function collect(stream: AsyncIterable<ChatEvent>): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

t.test('llama-server: context, slots, size and tools are asked beside the dialect', async (t) => {
  const { openai } = await llamaServer(t, () => undefined);
  t.match(await openai.models(), [
    {
      name: 'smollm2-135m',
      kind: 'chat',
      aliases: ['smollm2-135m-instruct', 'smollm2:135m'],
      contextTokens: 2048,
      slots: 2,
      tools: false,
      parametersB: 0.134515008,
      sizeBytes: 96576768,
      resident: true,
    },
  ]);
  t.match(openai.label, /^llama-server at http/);
});

t.test('an answer carries the server’s own measurements', async (t) => {
  const { openai, replay } = await llamaServer(t, () => undefined);
  const events = await collect(openai.chat(hello, never));
  t.equal(
    events
      .filter((event) => event.type === 'text')
      .map((event) => event.text)
      .join(''),
    'Hello there! How can I assist you today?',
  );
  t.strictSame(events.at(-1), {
    type: 'end',
    reason: 'length',
    usage: { promptTokens: 22, cachedTokens: 0, completionTokens: 10, loadMs: 0, prefillMs: 49.62, decodeMs: 53.313 },
  });
  t.match(replay.requests.at(-1)!.body, { stream_options: { include_usage: true }, repeat_penalty: 1.1 });
});

t.test('a server that is loading is not alive', async (t) => {
  const { openai } = await llamaServer(t, ({ path }) => (path === '/health' ? 'health-first' : undefined));
  t.equal(await openai.alive(), false);
});

t.test('a server that dies in mid-stream', async (t) => {
  const { openai } = await llamaServer(t, ({ path }) =>
    path === '/v1/chat/completions' ? { name: 'chat-stream', cutAfter: 6 } : undefined,
  );
  await t.rejects(collect(openai.chat(hello, never)), { code: 'unavailable' });
});

t.test('aborting closes the connection', async (t) => {
  const { openai, replay } = await llamaServer(t, ({ path }) =>
    path === '/v1/chat/completions' ? { name: 'chat-stream', holdAfter: 6 } : undefined,
  );
  const abort = new AbortController();
  const reading = (async () => {
    for await (const _ of openai.chat(hello, abort.signal)) abort.abort();
  })();
  await t.rejects(reading, { code: 'aborted' });
  await replay.left();
  t.pass('the server saw the client leave');
});

t.test('errors by their words', async (t) => {
  const recorded: [string, RuntimeErrorCode][] = [
    ['chat-too-long', 'too-long'],
    ['chat-too-long-stream', 'too-long'],
    ['chat-malformed-json', 'bad-request'],
    ['chat-no-messages', 'bad-request'],
    ['embeddings-not-enabled', 'wrong-kind'],
    ['slots-all-busy', 'overloaded'],
    ['health-first', 'unavailable'],
  ];
  const exchanges = exchangesOf('llama-server');
  for (const [name, code] of recorded) {
    const { status, lines } = exchanges.get(name)!.response;
    const text = lines[0]!.line;
    t.equal(problemOf({ status, text, json: JSON.parse(text) }).code, code, name);
  }
  const ollama = exchangesOf('ollama').get('openai-unknown-model')!.response;
  const text = ollama.lines[0]!.line;
  t.equal(problemOf({ status: ollama.status, text, json: JSON.parse(text) }).code, 'unknown-model');
  const documented: [number, object | undefined, RuntimeErrorCode][] = [
    [
      400,
      { error: { message: "This model's maximum context length is 4096 tokens. However, you requested 5000" } },
      'too-long',
    ],
    [400, { object: 'error', message: 'The model does not support Embeddings API' }, 'wrong-kind'],
    [
      400,
      { error: { message: '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser' } },
      'unsupported',
    ],
    [404, { error: { message: 'The model `x` does not exist.', type: 'NotFoundError' } }, 'unknown-model'],
    [429, { error: { type: 'insufficient_quota', message: 'You exceeded your current quota' } }, 'no-credit'],
    [429, { error: { message: 'Rate limit reached' } }, 'overloaded'],
    [401, { error: { message: 'Invalid API key' } }, 'wrong-key'],
    [500, { error: { message: 'input is too large to process. increase the physical batch size' } }, 'too-long'],
    [502, undefined, 'unavailable'],
  ];
  for (const [status, json, code] of documented) {
    const answer = { status, text: JSON.stringify(json ?? '<html>'), json };
    t.equal(problemOf(answer).code, code, answer.text);
  }
  // As vLLM with --max-num-queued-reqs says it, when it finds out only after it has begun a stream.
  const busy = { message: 'The engine is currently busy and cannot accept new requests.', code: 503 };
  t.equal(streamProblem(busy).code, 'overloaded');
  t.equal(streamProblem({ message: 'no', code: 7 }).code, 'unavailable', 'a code that is no status');
});

t.test('events: comments are dropped, old error lines kept, tool calls put together by index', async (t) => {
  const lines = [': keep-alive', '', 'data: {"a":1}', '', 'data:[DONE]', '', 'error: {"message":"gone"}', 'data: tail'];
  const sent = new ServerSentEvents();
  const events = [...lines.flatMap((line) => sent.push(line)), ...sent.end()];
  t.strictSame(events, ['{"a":1}', '[DONE]', '{"error":{"message":"gone"}}', 'tail']);
  const assembly = createToolCallAssembly();
  assembly.add([{ index: 1, id: 'b', function: { name: 'second', arguments: '{"x"' } }]);
  assembly.add([{ index: 0, id: 'a', function: { name: 'first' } }]);
  assembly.add([{ index: 1, function: { arguments: ':[1,2]}' } }]);
  t.strictSame(assembly.done(), [
    { id: 'a', name: 'first', arguments: {} },
    { id: 'b', name: 'second', arguments: { x: [1, 2] } },
  ]);
});

/** A server with the API of vLLM, where a test needs more than one recording. */
async function vllm(
  t: Test,
  reply: (path: string, body: Record<string, unknown>, response: ServerResponse) => void,
  clock: Clock = systemClock,
): Promise<Runtime> {
  const server = createServer(async (request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    reply(request.url ?? '', text ? JSON.parse(text) : {}, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const openai = createOpenAi({
    ...common,
    clock,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`,
  });
  t.teardown(async () => {
    await openai.close();
    server.closeAllConnections();
    server.close();
  });
  return openai;
}
const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

t.test('vLLM: kind by a probe, context from max_model_len, streamed tool calls, vectors in order', async (t) => {
  const openai = await vllm(t, (path, body, response) => {
    if (path === '/v1/models') {
      json(response, 200, {
        data: [
          { id: 'Qwen/Qwen2.5-7B-Instruct', owned_by: 'vllm', max_model_len: 32768 },
          { id: 'intfloat/e5-small', owned_by: 'vllm', max_model_len: 512 },
        ],
      });
    } else if (path === '/v1/embeddings' && body.model === 'intfloat/e5-small') {
      const input = [body.input].flat();
      const data = input.map((_, index) => ({ index, embedding: index === 0 ? [3, 4] : [0, 2] })).reverse();
      json(response, 200, { data });
    } else if (path === '/v1/embeddings') {
      json(response, 400, { object: 'error', message: 'The model does not support Embeddings API', code: 400 });
    } else if (path === '/v1/chat/completions') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const send = (chunk: object) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      const piece = (call: object) =>
        send({ choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] });
      piece({ index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } });
      piece({ index: 0, function: { arguments: '{"city": ' } });
      piece({ index: 0, function: { arguments: '"Paris"}' } });
      send({ choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] });
      send({ choices: [], usage: { prompt_tokens: 30, completion_tokens: 9 } });
      response.end('data: [DONE]\n\n');
    } else json(response, 404, { detail: 'Not Found' });
  });
  t.equal(await openai.alive(), true, 'a server without /health is asked for its models');
  const models = await openai.models();
  t.match(models, [
    { kind: 'chat', contextTokens: 32768, tools: true, slots: 16 },
    { kind: 'embed', contextTokens: 512, dimension: 2 },
  ]);
  t.match(openai.label, /^vLLM at http/);
  const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }];
  const events = await collect(openai.chat({ ...hello, model: 'Qwen/Qwen2.5-7B-Instruct', tools }, never));
  t.match(events, [
    { type: 'tool-calls', calls: [{ id: 'call_1', name: 'weather', arguments: { city: 'Paris' } }] },
    { type: 'end', reason: 'tool-calls', usage: { promptTokens: 30, completionTokens: 9 } },
  ]);
  const vectors = await openai.embed('intfloat/e5-small', ['one', 'two'], never);
  t.strictSame(
    vectors.map((vector) => [...vector].map((value) => Math.round(value * 100) / 100)),
    [
      [0.6, 0.8],
      [0, 1],
    ],
  );
});

t.test('vLLM: the room for contexts bounds how many answers at once, unless a person said', async (t) => {
  const info = (labels: string) =>
    `# TYPE vllm:cache_config_info gauge\nvllm:cache_config_info{block_size="16",cache_dtype="auto",${labels}} 1.0\nvllm:num_requests_running{engine="0"} 3\n`;
  t.equal(kvCacheTokens(info('num_cpu_blocks="2048",num_gpu_blocks="2375",num_gpu_blocks_override="None"')), 38_000);
  t.equal(kvCacheTokens(info('num_gpu_blocks="9120",kv_cache_size_tokens="862437"')), 862_437, 'its own count is best');
  t.equal(kvCacheTokens(info('engine="0",num_gpu_blocks="10"') + info('engine="1",num_gpu_blocks="10"')), 320);
  t.equal(kvCacheTokens(info('num_gpu_blocks="None"')), undefined);
  t.equal(kvCacheTokens('llamacpp:requests_processing 1'), undefined);

  let metrics = info('num_gpu_blocks="None"');
  const openai = await vllm(t, (path, _, response) => {
    if (path === '/metrics') response.end(metrics);
    else if (path === '/v1/models')
      json(response, 200, { data: [{ id: 'm', owned_by: 'vllm', max_model_len: 131_072 }] });
    else json(response, 404, { detail: 'Not Found' });
  });
  t.match(await openai.models(), [{ slots: 16, contextTokens: 131_072 }], 'not told yet');
  metrics = info('num_gpu_blocks="2375"');
  const [model] = await openai.models();
  t.match(model, { slots: 9, contextTokens: 38_000 }, 'one context cannot be longer than the cache');
  t.notOk('kvBytesPerToken' in model!, 'bytes are not told, so they are not said');
  await t.rejects(openai.unload('m'), { code: 'unsupported', message: /keeps m for as long as it runs/ });
});

t.test('calls without index, id or arguments, and what is no call', async (t) => {
  const made = (...messages: unknown[]) => {
    const assembly = createToolCallAssembly();
    for (const calls of messages) assembly.add(toolCallPieces({ tool_calls: calls }));
    return assembly.done();
  };
  const call = (name: string, more: object = {}) => ({
    index: null,
    id: null,
    ...more,
    function: { name, arguments: null },
  });
  t.strictSame(
    made([call('now'), call('now')]),
    [0, 1].map((at) => ({ id: `call-${at}`, name: 'now', arguments: {} })),
    'a place tells calls apart that nothing else does',
  );
  t.match(made([call('a', { id: 7 })], [call('b', { id: 8 })]), [{ id: '7' }, { id: '8' }], 'numbers as ids');
  for (const odd of [null, undefined, {}, 'x', [null], [{ function: null }], [7]])
    t.strictSame(made(odd), [], `${odd}`);
});

t.test('content in parts is the text of its parts', async (t) => {
  const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] };
  t.equal(textOf({ content: [thinking, { type: 'text', text: 'Fo' }, null, { type: 'text', text: 'ur' }] }), 'Four');
  for (const content of [null, undefined, 4, {}, true]) t.equal(textOf({ content }), '');
});

t.test('two calls under one index are two calls; pieces of one call under new ids are one', async (t) => {
  type Pieces = Parameters<ReturnType<typeof createToolCallAssembly>['add']>[0][number];
  const made = (...pieces: Pieces[]) => {
    const assembly = createToolCallAssembly();
    for (const piece of pieces) assembly.add([piece]);
    return assembly.done().map((call) => ({ name: call.name, ...call.arguments }));
  };
  const search = (id: string | undefined, text: string, name: string | undefined = 'memory_search'): Pieces => ({
    index: 0,
    ...(id ? { id } : {}),
    function: { ...(name ? { name } : {}), arguments: text },
  });
  const both = [
    { name: 'memory_search', query: 'alpha' },
    { name: 'memory_search', query: 'beta' },
  ];
  t.strictSame(
    made(search('a', '{"query":"alpha"}'), search('b', '{"query":"beta"}')),
    both,
    'whole, each with its id',
  );
  t.strictSame(made(search('', '{"query":"alpha"}'), search('', '{"query":"beta"}')), both, 'whole, without ids');
  t.strictSame(
    made(
      search('a', ''),
      search(undefined, '{"query":', ''),
      search(undefined, '"alpha"}', ''),
      search('b', ''),
      search(undefined, '{"query":"beta"}', ''),
    ),
    both,
    'in pieces',
  );
  t.strictSame(
    made(search('a', '{"query"'), search('a', ':"alpha"}'), search('b', '{"query":"beta"}')),
    both,
    'the name with every piece',
  );
  t.strictSame(made(search('a', ''), search('b', '')), [{ name: 'memory_search' }, { name: 'memory_search' }]);
  t.strictSame(
    made(search('1', '{"query"'), search('2', ':"al', ''), search('3', 'pha"}', '')),
    [{ name: 'memory_search', query: 'alpha' }],
    'a new id a piece, as litellm sends',
  );
  t.strictSame(
    made(search(undefined, '{}', 'one'), search(undefined, '{}', 'two')),
    [{ name: 'one' }, { name: 'two' }],
    'a second name',
  );
  t.strictSame(
    made({ index: 0, id: 'a', function: { name: 'memory_search', arguments: { query: 'alpha' } } }),
    [both[0]],
    'arguments as an object',
  );
  t.strictSame(made(search('a', JSON.stringify('{"query":"alpha"}'))), [both[0]], 'text within text');
  t.strictSame(made(search('a', '[1]')), [{ name: 'memory_search' }], 'no object');
});

t.test('vLLM started by default refuses tools: asked again without, said with the flag, offered no more', async (t) => {
  const { openai } = await vllmReplay(t);
  const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }];
  t.match(await openai.models(), [{ tools: true }], 'not refused yet');
  const events = await collect(openai.chat({ ...hello, tools }, never));
  t.match(events.at(-1), { type: 'end', usage: { completionTokens: 10 } });
  t.match(await openai.models(), [{ tools: false }]);
  t.match(openai.notes?.(), [/vLLM at http.*smollm2-135m is refused tools.*--enable-auto-tool-choice/]);
  t.ok(await collect(openai.chat({ ...hello, tools }, never)), 'who offers them all the same gets an answer');
});

t.test('another server at the address of the one before: nothing of that one is believed', async (t) => {
  let owner = 'vllm';
  const openai = await vllm(t, (path, body, response) => {
    if (path === '/v1/models') json(response, 200, { data: [{ id: 'm', owned_by: owner, max_model_len: 4096 }] });
    else if (path === '/version') json(response, owner === 'vllm' ? 200 : 404, { version: '0.32.0' });
    else if (path === '/v1/chat/completions' && body.tools) json(response, 400, { message: 'tools need --jinja' });
    else json(response, 404, {});
  });
  t.match(await openai.models(), [{ tools: true }]);
  t.match(openai.label, /^vLLM 0\.32\.0 at /);
  const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }];
  await t.rejects(collect(openai.chat({ ...hello, model: 'm', tools, strict: true }, never)), { code: 'unsupported' });
  t.match(await openai.models(), [{ tools: false }]);
  owner = 'llamacpp';
  t.match(await openai.models(), [{ tools: true }]);
  t.match(openai.label, /^llama-server at /);
  owner = 'somebody';
  await openai.models();
  t.match(openai.label, /^openai dialect at /);
});

t.test('a server that nobody answers for was started anew when it is back, maybe with other flags', async (t) => {
  const answer = (path: string, response: ServerResponse) => {
    if (path === '/v1/models') json(response, 200, { data: [{ id: 'm', owned_by: 'vllm', max_model_len: 4096 }] });
    else if (path === '/v1/chat/completions') json(response, 400, { message: 'tools need a parser' });
    else json(response, 404, {});
  };
  const server = createServer((request, response) => answer(request.url ?? '', response));
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const port = await listen(0);
  t.teardown(() => server.close());
  const openai = createOpenAi({ ...common, url: `http://127.0.0.1:${port}` });
  t.teardown(() => openai.close());
  const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }];
  await t.rejects(collect(openai.chat({ ...hello, model: 'm', tools, strict: true }, never)));
  t.match(await openai.models(), [{ tools: false }]);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  t.equal(await openai.alive(), false);
  await listen(port);
  t.match(await openai.models(), [{ tools: true }]);
});

async function vllmReplay(t: Test) {
  const replay = await startReplay('vllm', ({ path, body }) => {
    if (path === '/v1/models') return 'models';
    if (path === '/metrics') return 'metrics';
    if (path === '/v1/embeddings') return 'embeddings-chat-model';
    if (path === '/v1/chat/completions') return body.tools ? 'chat-tools-auto-not-enabled' : 'chat-stream';
    return 'unknown-route';
  });
  const openai = createOpenAi({ ...common, url: replay.url });
  t.teardown(async () => {
    await openai.close();
    await replay.close();
  });
  return { openai, replay };
}

t.test('vLLM: what it knows of a model comes from the name, and its repeat penalty has its own name', async (t) => {
  const { openai, replay } = await vllmReplay(t);
  t.match(await openai.models(), [{ parametersB: 0.1345, sizeBytes: 98_362_432, aliases: ['smollm2-135m-instruct'] }]);
  await collect(openai.chat(hello, never));
  const { body } = replay.requests.findLast(({ path }) => path === '/v1/chat/completions')!;
  t.equal(body.repetition_penalty, 1.1);
  t.notOk('repeat_penalty' in body);
});

t.test('a template without a system role, a server without counts or penalty', async (t) => {
  const refused: string[] = [];
  const server = await scriptedOpenAi('vllm', (body) => {
    const no = (what: boolean, message: string) => (what ? [message] : []);
    const [message] = [
      ...no(body.stream_options !== undefined, 'Unrecognized request argument supplied: stream_options'),
      ...no(body.messages[0].role === 'system', 'System role not supported'),
    ];
    if (message) refused.push(message);
    return message ? { status: 400, message } : null;
  });
  t.teardown(async () => {
    await server.runtime.close();
    await server.close();
  });
  const messages: ChatRequest['messages'] = [
    { role: 'system', content: 'You are greeter.' },
    { role: 'user', content: 'Hi.' },
  ];
  const ask = () => collect(server.runtime.chat({ ...hello, model: 'm', messages }, never));
  t.match((await ask()).at(-1), { type: 'end' });
  t.strictSame(server.asked.at(-1).messages, [{ role: 'user', content: 'You are greeter.\n\nHi.' }]);
  await ask();
  t.equal(refused.length, 2, 'each is refused once');
  t.match(server.runtime.notes?.(), [/stream/, /system role.*instructions stand inside the question/]);
});

t.test('vLLM: slots follow what it works on and what waits inside it; a person’s word counts first', async (t) => {
  const gauges = (running: number, waiting: number) =>
    `vllm:num_requests_running{engine="0",model_name="m"} ${running}.0\nvllm:num_requests_waiting{engine="0",model_name="m"} ${waiting}.0\n`;
  t.same(requestsIn(gauges(8, 3), 'm'), { running: 8, waiting: 3 });
  t.equal(requestsIn(gauges(8, 3), 'other'), null);
  t.same(requestsIn('vllm:num_requests_running 2\nvllm:num_requests_waiting 0', 'm'), { running: 2, waiting: 0 });
  let metrics = gauges(0, 0);
  const openai = await vllm(t, (path, _, response) => {
    if (path === '/metrics') response.end(metrics);
    else if (path === '/v1/models') json(response, 200, { data: [{ id: 'm', owned_by: 'vllm', max_model_len: 4096 }] });
    else json(response, 404, { detail: 'Not Found' });
  });
  const slots = async () => (await openai.models())[0]?.slots;
  t.equal(await slots(), 16);
  metrics = gauges(16, 0);
  t.equal(await slots(), 32, 'all are used and none waits');
  metrics = gauges(32, 0);
  t.equal(await slots(), 64);
  metrics = gauges(48, 5);
  t.equal(await slots(), 48, 'what it works on while others wait is its limit');
  t.equal(openai.slotsNow?.('m'), 48);
  const said = createOpenAi({ ...common, url: 'http://127.0.0.1:9', slots: 3 });
  t.equal(said.slotsNow?.('m'), undefined);
  await said.close();
});

t.test('vLLM: requests of others are what its gauges count beyond those of this node', async (t) => {
  let metrics = 'vllm:num_requests_running{model_name="m"} 4.0\nvllm:num_requests_waiting{model_name="m"} 2.0\n';
  const held: ServerResponse[] = [];
  const openai = await vllm(t, (path, _, response) => {
    if (path === '/metrics') response.end(metrics);
    else if (path === '/v1/models') json(response, 200, { data: [{ id: 'm', owned_by: 'vllm', max_model_len: 4096 }] });
    else if (path === '/v1/chat/completions') held.push(response);
    else json(response, 404, { detail: 'Not Found' });
  });
  await openai.models();
  t.equal(openai.others?.('m'), 6, 'those that wait inside it too');
  const leave = new AbortController();
  const ours = collect(openai.chat({ ...hello, model: 'm' }, leave.signal)).catch(() => {});
  while (held.length === 0) await turn();
  await openai.models();
  t.equal(openai.others?.('m'), 5, 'one of the six is ours');
  leave.abort();
  await ours;
  metrics = 'vllm:num_requests_running{model_name="m"} 1.0\nvllm:num_requests_waiting{model_name="m"} 0.0\n';
  await openai.models();
  t.equal(openai.others?.('m'), 1);
});

t.test('llama-server: slots that others use are told, and a list that is refused is asked for once', async (t) => {
  const clock = new HandClock();
  const slots = { busy: 2, status: 200 };
  let asked = 0;
  const openai = await vllm(
    t,
    (path, _, response) => {
      if (path === '/v1/models') json(response, 200, { data: [{ id: 'm', owned_by: 'llamacpp' }] });
      else if (path === '/slots') {
        asked++;
        const rows = Array.from({ length: 4 }, (_, id) => ({ id, is_processing: id < slots.busy }));
        json(response, slots.status, slots.status === 200 ? rows : { error: { code: 501 } });
      } else json(response, 404, {});
    },
    clock,
  );
  await openai.models();
  while (openai.others?.('m') !== 2) await turn();
  slots.busy = 3;
  openai.lookInside?.();
  await openai.models();
  t.equal(asked, 1, 'at most once a second');
  await clock.advance(1000);
  openai.lookInside?.();
  while (openai.others?.('m') !== 3) await turn();
  slots.status = 501;
  await clock.advance(60_000);
  t.equal(openai.others?.('m'), 0, 'it is not believed for ever');
  openai.lookInside?.();
  while (asked < 3) await turn();
  // The next list of models waits for answers that come after that of the slots.
  await openai.models();
  await clock.advance(1000);
  openai.lookInside?.();
  await openai.models();
  t.equal(asked, 3);
});
