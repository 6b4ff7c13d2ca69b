// Recorded failures of an Ollama, and what the runtime makes of them.
import { readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ChatEvent, ChatRequest } from '@blackroad/model-server/chat';
import type { RuntimeErrorCode } from '@blackroad/model-server/runtime-error';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t, { type Test } from 'tap';
import {
  exchangesOf,
  type Replay,
  type Reply,
  type SeenRequest,
  startReplay,
} from '../../../test/fixtures/node-agent/replay-server.ts';
import { scriptedOllama } from '../../../test/fixtures/node-agent/scripted-runtimes.ts';
import { billions, createOllama } from './ollama.ts';
import { problemOf } from './ollama-problem.ts';
import type { Runtime } from './runtime.ts';

const never = new AbortController().signal;
const hello: ChatRequest = {
  model: 'smollm2:135m',
  messages: [{ role: 'user', content: 'Say hello.' }],
  maxTokens: 12,
  sampling: { temperature: 0 },
};

async function subject(
  t: Test,
  choose: (request: SeenRequest) => Reply | undefined,
  contextTokens = 2048,
): Promise<{ ollama: Runtime; replay: Replay }> {
  const usual: Record<string, string> = {
    '/api/version': 'version',
    '/api/tags': 'tags',
    '/api/ps': 'ps-two-resident',
  };
  const replay = await startReplay('ollama', (request) => choose(request) ?? usual[request.path] ?? 'show');
  const ollama = createOllama({ url: replay.url, contextTokens, keepAlive: '10m', clock: systemClock, log: silentLog });
  t.teardown(async () => {
    await ollama.close();
    await replay.close();
  });
  return { ollama, replay };
}

async function read(
  stream: AsyncIterable<ChatEvent>,
): Promise<{ events: ChatEvent[]; error?: { code: RuntimeErrorCode } }> {
  const events: ChatEvent[] = [];
  try {
    for await (const event of stream) events.push(event);
    return { events };
  } catch (error) {
    return { events, error: error as { code: RuntimeErrorCode } };
  }
}

t.test('lists its models: kinds from capabilities, one pinned context, catalogue names', async (t) => {
  const { ollama } = await subject(t, () => undefined);
  t.strictSame(await ollama.models(), [
    {
      name: 'all-minilm:l6',
      aliases: ['all-minilm-l6-v2', 'all-minilm', 'all-minilm:l6-v2', 'minilm'],
      kind: 'embed',
      sizeBytes: 25279349,
      contextTokens: 512,
      resident: true,
      residentBytes: 32380026,
      kvBytesPerToken: 0,
      parametersB: 0.02257,
      slots: 1,
      tools: false,
      sees: false,
      dimension: 384,
      digest: '640005e4fac668058b6133ca9766365bb923a8718fabe57d05a2045ad7e2715e',
    },
    {
      name: 'smollm2:135m',
      aliases: ['smollm2-135m-instruct', 'smollm2-135m'],
      kind: 'chat',
      sizeBytes: 98362745,
      contextTokens: 2048,
      resident: true,
      residentBytes: 210690374,
      kvBytesPerToken: 23040,
      parametersB: 0.13452,
      slots: 1,
      tools: false,
      sees: false,
      dimension: 0,
      digest: 'fd5f44c0b5aff6453726119fc560d73a8a995a55b4a49804bc24b1969ecf1794',
    },
  ]);
});

t.test('a model’s header is asked for once, and again only while it was not told', async (t) => {
  let known = false;
  const { ollama, replay } = await subject(t, ({ path }) =>
    path === '/api/show' && !known ? 'show-unknown' : undefined,
  );
  const chat = async () => (await ollama.models()).find(({ kind }) => kind === 'chat');
  t.notOk('kvBytesPerToken' in (await chat())!, 'unknown is left out');
  known = true;
  t.equal((await chat())?.kvBytesPerToken, 23_040);
  await chat();
  const asked = replay.requests.filter(({ path }) => path === '/api/show').map(({ body }) => body.model);
  t.strictSame(asked, ['smollm2:135m', 'smollm2:135m'], 'twice for the chat model, never for the embedding model');
});

/** A server with written answers, for cases without a recording. */
async function written(t: Test, answers: (path: string, body: { model?: string }) => unknown): Promise<Runtime> {
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const answer = answers(request.url ?? '', text ? JSON.parse(text) : {});
      // Undefined: it never answers.
      if (answer !== undefined) response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const ollama = createOllama({
    url: `http://127.0.0.1:${port}`,
    contextTokens: 2048,
    keepAlive: '10m',
    // A look waits two seconds for slow answers: here, for as long as a quick one takes.
    clock: { ...systemClock, after: (ms, run) => systemClock.after(ms === 2000 ? 20 : ms, run) },
    log: silentLog,
  });
  t.teardown(async () => {
    await ollama.close();
    server.closeAllConnections();
    server.close();
  });
  return ollama;
}

t.test('what is no tool call and no vector ends in words, not in a stack', async (t) => {
  const calls = [null, {}, { function: null }, { id: 7, function: { name: 'weather', arguments: null } }];
  const tags = { chat: ['completion', 'tools'], embedder: ['embedding'] };
  const ollama = await written(t, (path, { model }) => {
    if (path === '/api/ps') return { models: [] };
    if (path === '/api/tags') return { models: Object.keys(tags).map((name) => ({ name })) };
    if (path === '/api/show') return { capabilities: tags[model as keyof typeof tags], model_info: {} };
    return path === '/api/embed' ? null : { message: { content: '', tool_calls: calls }, done: true };
  });
  const { events, error } = await read(ollama.chat({ ...hello, model: 'chat' }, never));
  t.equal(error, undefined);
  t.strictSame(events[0], { type: 'tool-calls', calls: [{ id: '7', name: 'weather', arguments: {} }] });
  await t.rejects(ollama.embed('embedder', ['a'], never), { code: 'unavailable', message: /0 vectors came back/ });
});

t.test('an old Ollama tells no capabilities: what a model is follows from its architecture', async (t) => {
  const { tags, right } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../test/fixtures/node-agent/ollama-old.json'), 'utf8'),
  );
  const architectures: Record<string, string> = { 'nomic-embed-text:latest': 'nomic-bert', 'llama3.2:3b': 'llama' };
  const ollama = await written(t, (path, { model }) => {
    if (path === '/api/ps') return { models: [] };
    if (path === '/api/tags') return { models: tags };
    const architecture = architectures[model ?? ''];
    const template = architecture === 'llama' ? '{{ if .Tools }}tools{{ end }}' : '{{ .Prompt }}';
    return { template, model_info: { 'general.architecture': architecture } };
  });
  const models = await ollama.models();
  t.strictSame(Object.fromEntries(models.map(({ name, kind }) => [name, kind])), right);
  t.strictSame(
    models.map(({ tools }) => tools),
    [false, true],
    'its template says whether it calls tools',
  );
});

t.test('a pooling type makes an embedding model, whatever the architecture', async (t) => {
  const ollama = await written(t, (path) => {
    if (path === '/api/ps') return { models: [] };
    if (path === '/api/tags')
      return { models: [{ name: 'q:1', details: { family: 'qwen3' } }, { name: 'all-minilm' }] };
    return { model_info: { 'general.architecture': 'qwen3', 'qwen3.pooling_type': 3 } };
  });
  t.match(await ollama.models(), [{ kind: 'embed' }, { kind: 'embed' }]);
});

t.test('one slow header hides no model; what it says is known at the next look', async (t) => {
  let isSlow = true;
  const tags = [
    { name: 'slow:1b', digest: 'd1', details: { family: 'llama' } },
    { name: 'quick:1b', digest: 'd2', details: { family: 'llama' } },
    { name: 'all-minilm:l6', digest: 'd3', details: { family: 'bert' } },
  ];
  const ollama = await written(t, (path, { model }) => {
    if (path === '/api/ps') return { models: [] };
    if (path === '/api/tags') return { models: tags };
    if (isSlow && model !== 'quick:1b') return undefined;
    return { capabilities: [model === 'all-minilm:l6' ? 'embedding' : 'completion', 'tools'] };
  });
  const kinds = async () => (await ollama.models()).map(({ name, kind, tools }) => [name, kind, tools]);
  t.strictSame(await kinds(), [
    ['slow:1b', 'chat', false],
    ['quick:1b', 'chat', true],
    ['all-minilm:l6', 'embed', false],
  ]);
  isSlow = false;
  tags[0]!.digest = 'd4';
  t.strictSame((await kinds())[0], ['slow:1b', 'chat', true]);
});

t.test('names are compared as Ollama does itself', async (t) => {
  const { ollama, replay } = await subject(t, ({ path }) => (path === '/api/chat' ? 'chat-stream' : undefined));
  const { error } = await read(ollama.chat({ ...hello, model: 'SmolLM2:135M' }, never));
  t.equal(error, undefined);
  t.equal(replay.requests.at(-1)?.body.model, 'smollm2:135m', 'and its own name is sent');
});

t.test('an answer carries Ollama’s own measurements', async (t) => {
  const { ollama, replay } = await subject(t, ({ path }) => (path === '/api/chat' ? 'chat-stream' : undefined));
  const { events } = await read(ollama.chat(hello, never));
  t.equal(
    events
      .filter((event) => event.type === 'text')
      .map((event) => event.text)
      .join(''),
    'Hello there! How can I assist you today?',
  );
  t.strictSame(events.at(-1), {
    type: 'end',
    reason: 'stop',
    usage: { promptTokens: 22, completionTokens: 11, loadMs: 0.526835, prefillMs: 49.232, decodeMs: 60.613 },
  });
  const { body } = replay.requests.at(-1)!;
  t.match(body, {
    stream: true,
    truncate: false,
    keep_alive: '10m',
    options: { num_ctx: 2048, num_predict: 12, temperature: 0, repeat_penalty: 1.1 },
  });
});

t.test('a runner killed in mid-stream is an error after the text that came', async (t) => {
  const { ollama } = await subject(t, ({ path }) => (path === '/api/chat' ? 'chat-runner-killed' : undefined));
  const { events, error } = await read(ollama.chat(hello, never));
  t.ok(events.length > 3);
  t.notOk(events.some((event) => event.type === 'end'));
  t.match(error, { code: 'unavailable', message: /unexpected EOF/, retryable: true });
});

t.test('a server that dies in mid-stream, and one that is gone', async (t) => {
  const { ollama, replay } = await subject(t, ({ path }) =>
    path === '/api/chat' ? { name: 'chat-stream', cutAfter: 3 } : undefined,
  );
  const { events, error } = await read(ollama.chat(hello, never));
  t.notOk(events.some((event) => event.type === 'end'));
  t.match(error, { code: 'unavailable' });
  await replay.close();
  t.match((await read(ollama.chat(hello, never))).error, { code: 'unavailable', message: /does not answer/ });
  t.equal(await ollama.alive(), false);
});

t.test('aborting closes the connection: the server stops working', async (t) => {
  const { ollama, replay } = await subject(t, ({ path }) =>
    path === '/api/chat' ? { name: 'chat-stream', holdAfter: 2 } : undefined,
  );
  const abort = new AbortController();
  const reading = (async () => {
    for await (const _ of ollama.chat(hello, abort.signal)) abort.abort();
  })();
  await t.rejects(reading, { code: 'aborted' });
  await replay.left();
  t.pass('the server saw the client leave');
});

const errors: [exchange: string, code: RuntimeErrorCode][] = [
  ['chat-bad-option-type', 'bad-request'],
  ['chat-malformed-json', 'bad-request'],
  ['chat-missing-model', 'bad-request'],
  ['chat-unknown-model', 'unknown-model'],
  ['chat-with-embedding-model', 'wrong-kind'],
  ['chat-tools-unsupported', 'unsupported'],
  ['embed-too-long-no-truncate', 'too-long'],
];
for (const [exchange, code] of errors) {
  t.test(`${exchange} is ${code}`, async (t) => {
    const { ollama } = await subject(t, ({ path }) => (path === '/api/chat' ? exchange : undefined));
    t.match((await read(ollama.chat(hello, never))).error, { code });
  });
}

t.test('out of memory, in the words of its source: no retry here helps by itself', async (t) => {
  const said: [string, RuntimeErrorCode][] = [
    ['model requires more system memory (5.5 GiB) than is available (3.1 GiB)', 'refused'],
    ['unable to load model: /root/.ollama/models/blobs/sha256-1', 'refused'],
    ['llama runner process has terminated: signal: killed', 'unavailable'],
  ];
  for (const [error, code] of said) {
    const text = JSON.stringify({ error });
    t.equal(problemOf({ status: 500, contentType: 'application/json', text, json: { error } }).code, code, error);
  }
});

t.test('a chat model whose capabilities lied cannot embed', async (t) => {
  const { ollama } = await subject(t, ({ path }) =>
    path === '/api/embed' ? 'embed-model-without-embeddings' : undefined,
  );
  await t.rejects(ollama.embed('all-minilm:l6', ['one'], never), { code: 'wrong-kind' });
});

t.test('what Ollama would cut silently is refused before it is sent', async (t) => {
  const { ollama, replay } = await subject(t, () => undefined, 1024);
  const messages = [{ role: 'user', content: 'word '.repeat(3000) }] as const;
  t.match((await read(ollama.chat({ ...hello, messages: [...messages] }, never))).error, { code: 'too-long' });
  t.notOk(replay.requests.some(({ path }) => path === '/api/chat'));
});

t.test('texts to embed are cut by us, and sent again when they were still too long', async (t) => {
  const { ollama, replay } = await subject(t, ({ path, body }) => {
    if (path !== '/api/embed') return undefined;
    return body.input[0].length > 2000 ? 'embed-too-long-no-truncate' : 'embed-too-long';
  });
  const [vector] = await ollama.embed('all-minilm:l6', ['word '.repeat(2000)], never);
  t.equal(vector?.length, 384);
  const sent = replay.requests
    .filter(({ path }) => path === '/api/embed')
    .map(({ body }) => [body.truncate, body.input[0].length]);
  t.strictSame(sent, [
    [false, 3072],
    [false, 1843],
  ]);
});

t.test('pull: progress to success, or the reason in words', async (t) => {
  let exchange = 'pull-from-registry';
  const { ollama, replay } = await subject(t, ({ path }) => (path === '/api/pull' ? exchange : undefined));
  const seen = [];
  for await (const progress of ollama.pull('127.0.0.1:5005/library/smollm2:135m')) seen.push(progress);
  t.match(seen[0], { status: 'pulling manifest', completedBytes: 0 });
  t.match(seen.at(-1), { status: 'success' });
  t.ok(seen.some(({ completedBytes, totalBytes }) => completedBytes > 0 && totalBytes === 98362432));
  t.equal(replay.requests.at(-1)!.body.insecure, true, 'a registry with host and port speaks plain HTTP');
  exchange = 'pull-unknown-in-registry';
  await t.rejects(drain(ollama.pull('nope:1b')), { code: 'unknown-model' });
  exchange = 'pull-no-network';
  await t.rejects(drain(ollama.pull('no-such-model:1b')), { code: 'unavailable', message: /no such host/ });
});

t.test('loading pins the context, unloading lets go at once', async (t) => {
  const { ollama, replay } = await subject(t, ({ path, body }) => {
    if (path === '/api/embed') return 'embed-empty-input';
    return path === '/api/generate' ? (body.keep_alive === 0 ? 'generate-unload' : 'generate-load') : undefined;
  });
  await ollama.load('smollm2:135m');
  t.match(replay.requests.at(-1)!.body, { keep_alive: '10m', options: { num_ctx: 2048 } });
  await ollama.unload('smollm2:135m');
  t.equal(replay.requests.at(-1)!.body.keep_alive, 0);
  await ollama.load('all-minilm:l6');
  t.match(replay.requests.at(-1), { path: '/api/embed', body: { input: { length: 0 } } });
});

t.test('how much it works on at once shows in the time that no part of an answer explains', async (t) => {
  const exchange = exchangesOf('ollama').get('chat-once')!.response;
  const line = JSON.parse(exchange.lines[0]!.line);
  let waitsMs = 0;
  const open: ServerResponse[] = [];
  const server = createServer((request, response) => {
    if (request.url !== '/api/chat') {
      const name = request.url === '/api/tags' ? 'tags' : request.url === '/api/ps' ? 'ps-two-resident' : 'show';
      response.end(exchangesOf('ollama').get(name)!.response.lines[0]!.line);
    } else open.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ollama = createOllama({ url, contextTokens: 2048, keepAlive: '10m', clock: systemClock, log: silentLog });
  t.teardown(async () => {
    await ollama.close();
    server.closeAllConnections();
    server.close();
  });
  /** This many answers at once; those after the first waited inside the server. */
  const atOnce = async (count: number) => {
    const reads = Array.from({ length: count }, () => read(ollama.chat(hello, never)));
    while (open.length < count) await new Promise(setImmediate);
    for (const [at, response] of open.splice(0).entries()) {
      const total_duration = line.total_duration + (at > 0 ? waitsMs * 1e6 : 0);
      response.end(`${JSON.stringify({ ...line, total_duration })}\n`);
    }
    await Promise.all(reads);
  };
  const slots = async () => [
    (await ollama.models()).find(({ kind }) => kind === 'chat')?.slots,
    ollama.slotsNow?.('smollm2:135m'),
  ];
  t.same(await slots(), [1, undefined], 'nothing was seen');
  await atOnce(1);
  t.same(await slots(), [1, 2], 'one more is tried');
  await atOnce(2);
  t.same(await slots(), [2, 3], 'both were worked on');
  waitsMs = 4000;
  await atOnce(2);
  t.same(await slots(), [1, 1], 'the second waited for the first');
  const said = createOllama({ ...common(url), slots: 4 });
  t.equal(said.slotsNow?.('smollm2:135m'), 4, 'a person said so');
  await said.close();
});
const common = (url: string) => ({ url, contextTokens: 2048, keepAlive: '10m', clock: systemClock, log: silentLog });

t.test('thinking is turned off where it is asked for; tools that a template does not take are left out', async (t) => {
  const refuse = (body: { tools?: unknown }) =>
    body.tools ? { status: 400, message: 'registry.ollama.ai/library/m:latest does not support tools' } : null;
  const { runtime, asked, close } = await scriptedOllama(refuse);
  t.teardown(async () => {
    await runtime.close();
    await close();
  });
  const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }];
  t.match(await read(runtime.chat({ ...hello, model: 'm', tools, think: false }, never)), { error: undefined });
  t.match(asked, [{ think: false, tools: [{}] }, { think: false }]);
  t.match((await runtime.models())[0], { tools: false });
  t.match(runtime.notes?.(), [/m:latest is refused tools/]);
  await read(runtime.chat({ ...hello, model: 'm' }, never));
  t.notOk('think' in asked.at(-1), 'else it thinks as it does by itself');
});

t.test('arguments of a call as an object, as text, and as nothing', async (t) => {
  const { runtime, close } = await scriptedOllama();
  t.teardown(async () => {
    await runtime.close();
    await close();
  });
  const calls = [{ city: 'Paris' }, '{"city":"Paris"}', '"{\\"city\\":\\"Paris\\"}"', null, [1]].map((given) => ({
    function: { name: 'weather', arguments: given },
  }));
  const messages = [{ role: 'user' as const, content: JSON.stringify([{ tool_calls: calls }]) }];
  const { events } = await read(runtime.chat({ ...hello, model: 'm', messages }, never));
  const made = events.flatMap((event) => (event.type === 'tool-calls' ? event.calls : []));
  const paris = { city: 'Paris' };
  t.same(
    made.map((call) => call.arguments),
    [paris, paris, paris, {}, {}],
  );
  t.equal(new Set(made.map(({ id }) => id)).size, 5, 'each has an id of its own');
});

t.test('sizes in words', async (t) => {
  t.equal(billions('134.52M'), 0.13452);
  t.equal(billions('7.6B'), 7.6);
  t.equal(billions(undefined), 0);
});

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
