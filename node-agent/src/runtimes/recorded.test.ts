// Every recorded exchange, replayed to the runtime of that server, with the expected result: one row for each exchange, so that a new
// recording without a row fails, and so does a row without its recording.

import type { ChatRequest } from '@blackroad/model-server/chat';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { exchangesOf, type Recorded, startReplay } from '../../../test/fixtures/node-agent/replay-server.ts';
import { createOllama } from './ollama.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';

const common = { clock: systemClock, log: silentLog };
const never = new AbortController().signal;
const usual: Record<Recorded, Record<string, string>> = {
  ollama: {
    '/api/version': 'version',
    '/api/tags': 'tags',
    '/api/ps': 'ps-two-resident',
    '/api/show': 'show',
    '/api/chat': 'chat-stream',
    '/api/embed': 'embed-two',
    '/v1/models': 'openai-models',
  },
  'llama-server': {
    '/health': 'health',
    '/v1/models': 'models',
    '/props': 'props',
    '/slots': 'slots',
    '/v1/embeddings': 'embeddings-not-enabled',
  },
  vllm: {
    '/health': 'health',
    '/version': 'version',
    '/v1/models': 'models',
    '/metrics': 'metrics',
    '/v1/embeddings': 'embeddings-chat-model',
  },
};
const otherwise: Record<Recorded, string> = {
  ollama: 'openai-unknown-model',
  'llama-server': 'unknown-route',
  vllm: 'unknown-route',
};

const rows: Record<Recorded, Record<string, string>> = {
  ollama: {
    'chat-bad-option-type': 'bad-request: option "num_ctx" must be of type integer',
    'chat-context-changed': 'Hello there! How | length 22+4',
    'chat-json-format': '{ "colour": "blue" } | stop 15+11',
    'chat-malformed-json': 'bad-request: unexpected EOF',
    'chat-missing-model': 'bad-request: model is required',
    'chat-once': 'Hello there! How can I assist you today? | stop 22+11',
    'chat-prompt-too-long': ' | stop 514+1',
    'chat-runner-killed': 'unavailable: an error was encountered while running the model: unexpected',
    'chat-stream': 'Hello there! How can I assist you today? | stop 22+11',
    'chat-tools-unsupported': 'unsupported: registry.ollama.ai/library/smollm2:135m does not support too',
    'chat-unknown-model': "unknown-model: model 'no-such-model:1b' not found",
    'chat-with-embedding-model': 'wrong-kind: "all-minilm:l6" does not support chat',
    'embed-empty-input': 'unavailable: 2 texts were sent, 0 vectors came back',
    'embed-model-without-embeddings': 'wrong-kind: This server does not support embeddings. Start it with `--em',
    'embed-too-long-no-truncate': 'too-long: the input length exceeds the context length',
    'embed-too-long': 'unavailable: 2 texts were sent, 1 vectors came back',
    'embed-two': '2 vectors of 384',
    'embed-unknown-model': 'unknown-model: model "no-such-model:1b" not found, try pulling it first',
    'generate-load': 'done',
    'generate-unload': 'done',
    'openai-chat-stream': 'Hello there! How can I assist you | length 22+8',
    'openai-models':
      'openai dialect: all-minilm:l6 chat 0 x4 0.0226B tools loaded, smollm2:135m chat 0 x4 0.1345B tools loaded',
    'openai-unknown-model': "unknown-model: model 'no-such-model:1b' not found",
    'ps-nothing-resident': 'ollama: all-minilm:l6 embed 512 x1 0.02257B loaded, smollm2:135m chat 2048 x1 0.13452B',
    'ps-one-resident': 'ollama: all-minilm:l6 embed 512 x1 0.02257B loaded, smollm2:135m chat 2048 x1 0.13452B loaded',
    'ps-two-resident': 'ollama: all-minilm:l6 embed 512 x1 0.02257B loaded, smollm2:135m chat 2048 x1 0.13452B loaded',
    'pull-again-present': '8 steps to success',
    'pull-from-registry': '37 steps to success',
    'pull-no-network': 'unavailable: pulling no-such-model:1b: pull model manifest: Get "https://',
    'pull-not-insecure': 'unavailable: pulling 127.0.0.1:5005/library/smollm2:135m: pull model mani',
    'pull-unknown-in-registry': 'unknown-model: pulling 127.0.0.1:5005/library/nope:1b: pull model manifest:',
    'show-unknown': 'ollama: all-minilm:l6 embed 512 x1 0.02257B loaded, smollm2:135m chat 2048 x1 0.13452B loaded',
    show: 'ollama: all-minilm:l6 embed 512 x1 0.02257B loaded, smollm2:135m chat 2048 x1 0.13452B loaded',
    tags: 'ollama: all-minilm:l6 embed 512 x1 0.02257B loaded, smollm2:135m chat 2048 x1 0.13452B loaded',
    version: 'alive',
  },
  'llama-server': {
    'chat-json-schema': '{ "colour": "red" } | stop 36+16',
    'chat-malformed-json': 'bad-request: [json.exception.parse_error.101] parse error at line 1, colu',
    'chat-no-messages': "bad-request: 'messages' is required",
    'chat-once': 'Hello there! How can I assist you today? | length 22+10',
    'chat-stream': 'Hello there! How can I assist you today? | length 22+10',
    'chat-too-long-stream': 'too-long: request (5031 tokens) exceeds the available context size (20',
    'chat-too-long': 'too-long: request (5031 tokens) exceeds the available context size (20',
    'chat-tool-required':
      'Bien sûr, avec le monde en Paris, la nature des moules est toujou. Le monde en Paris est toujou, le ',
    'chat-tool-stream':
      'Bien sûr, avec le monde en Paris, la nature des moules est toujou. Le monde en Paris est toujou, le ',
    'embeddings-not-enabled': 'llama-server: smollm2-135m chat 2048 x2 0.134515008B loaded',
    'health-first': 'not alive',
    health: 'alive',
    models: 'llama-server: smollm2-135m chat 2048 x2 0.134515008B loaded',
    props: 'llama-server: smollm2-135m chat 2048 x2 0.134515008B loaded',
    slots: 'llama-server: smollm2-135m chat 2048 x2 0.134515008B loaded',
    'unknown-route': 'llama-server: smollm2-135m chat 2048 x2 0.134515008B loaded',
  },
  vllm: {
    'chat-empty-messages': 'bad-request: Cannot apply chat template to an empty conversation. Provide',
    'chat-json-schema': '{ "colour": "red" } | stop 36+11',
    'chat-malformed-json': "bad-request: 1 validation error:\n  {'type': 'json_invalid', 'loc': 'body.",
    'chat-max-tokens-just-over': 'unavailable: the answer ended before it was done',
    'chat-max-tokens-over-context': 'bad-request: max_tokens=5000 cannot be greater than max_model_len=2048. P',
    'chat-no-key-stream': 'wrong-key: Unauthorized',
    'chat-no-messages': "bad-request: 1 validation error:\n  {'type': 'missing', 'loc': 'body.messa",
    'chat-once': 'Hello there! How can I assist you today? | length 22+10',
    'chat-repeat-penalty': 'Hello there! How | length 22+4',
    'chat-stream-no-usage': 'Hello there! How | length 0+4',
    'chat-stream': 'Hello there! How can I assist you today? | length 22+10',
    'chat-too-long-stream': "too-long: This model's maximum context length is 2048 tokens. However,",
    'chat-too-long': "too-long: This model's maximum context length is 2048 tokens. However,",
    'chat-tool-auto-stream': 'weather({"city":"Paris"}) | tool-calls 139+29',
    'chat-tool-required-stream': 'weather({}) | tool-calls 34+42',
    'chat-tool-required': 'weather({}) | tool-calls 34+42',
    'chat-tools-auto-not-enabled': 'unsupported: "auto" tool choice requires --enable-auto-tool-choice and --',
    'chat-unknown-model': 'unknown-model: The model `no-such-model` does not exist. Valid aliases: smo',
    'embeddings-chat-model': 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
    'health-no-key': 'alive',
    health: 'alive',
    'metrics-busy': 'vLLM 0.32.0: smollm2-135m chat 2048 x8 0.1345B tools loaded',
    'metrics-no-key': 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
    metrics: 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
    'models-no-key': 'wrong-key: Unauthorized',
    models: 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
    'props-unknown-route': 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
    'unknown-route': 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
    version: 'vLLM 0.32.0: smollm2-135m chat 2048 x16 0.1345B tools loaded',
  },
};
/** Requests that no runtime makes. */
const notAsked: Record<Recorded, string[]> = {
  ollama: ['create-from', 'delete', 'delete-unknown'],
  'llama-server': ['slots-all-busy', 'metrics', 'metrics-busy'],
  vllm: [],
};

for (const folder of Object.keys(rows) as Recorded[]) {
  const exchanges = exchangesOf(folder);
  t.test(`${folder}: every recording has a row`, async (t) => {
    t.same([...Object.keys(rows[folder]), ...notAsked[folder]].sort(), [...exchanges.keys()].sort());
  });
  for (const [name, expected] of Object.entries(rows[folder])) {
    t.test(`${folder}/${name}`, async (t) => {
      t.equal(await madeOf(folder, name), expected);
    });
  }
}

async function madeOf(folder: Recorded, name: string): Promise<string> {
  const { request } = exchangesOf(folder).get(name)!;
  const path = request.path.replace(/\?.*/, '');
  const replay = await startReplay(folder, (seen) => {
    if (seen.path.replace(/\?.*/, '') === path) return name;
    return usual[folder][seen.path] ?? otherwise[folder];
  });
  const ollamas = folder === 'ollama' && !path.startsWith('/v1');
  const runtime = ollamas
    ? createOllama({ ...common, url: replay.url, contextTokens: 2048, keepAlive: '10m' })
    : createOpenAi({ ...common, url: replay.url });
  try {
    return await what(runtime, path, request.body as Partial<Record<string, never>> | null, folder);
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message.replaceAll(replay.url, 'URL').slice(0, 60)}`;
  } finally {
    await runtime.close();
    await replay.close();
  }
}

async function what(runtime: Runtime, path: string, body: Partial<Record<string, never>> | null, folder: Recorded) {
  const chatModel = folder === 'ollama' ? 'smollm2:135m' : 'smollm2-135m';
  if (/chat/.test(path)) {
    const tools = [{ name: 'weather', description: 'Weather now', parameters: { type: 'object' } }];
    const request: ChatRequest = {
      model: chatModel,
      messages: [{ role: 'user', content: 'Say hello.' }],
      maxTokens: 12,
      sampling: { temperature: 0 },
      // Ollama's model reports itself that it accepts no tools.
      ...(body?.tools && folder === 'vllm' ? { tools } : {}),
    };
    const said: string[] = [];
    for await (const event of runtime.chat(request, never)) {
      if (event.type === 'text') said.push(event.text);
      else if (event.type === 'tool-calls')
        said.push(...event.calls.map((call) => `${call.name}(${JSON.stringify(call.arguments)})`));
      else if (event.type === 'end')
        said.push(` | ${event.reason} ${event.usage.promptTokens}+${event.usage.completionTokens}`);
    }
    return said.join('').replace(/\s+/g, ' ').slice(0, 100);
  }
  if (/embed$/.test(path)) {
    const vectors = await runtime.embed('all-minilm:l6', ['one', 'two'], never);
    return `${vectors.length} vectors of ${vectors[0]?.length}`;
  }
  if (/pull/.test(path)) {
    const steps: string[] = [];
    for await (const { status } of runtime.pull(String(body?.model))) steps.push(status);
    return `${steps.length} steps to ${steps.at(-1)}`;
  }
  if (/generate/.test(path)) {
    await (body?.keep_alive === 0 ? runtime.unload(chatModel) : runtime.load(chatModel));
    return 'done';
  }
  if (/health|api\/version/.test(path)) return (await runtime.alive()) ? 'alive' : 'not alive';
  const models = await runtime.models();
  const words = models.map(
    (model) =>
      `${model.name} ${model.kind} ${model.contextTokens} x${model.slots} ${model.parametersB}B${model.tools ? ' tools' : ''}${model.resident ? ' loaded' : ''}`,
  );
  return `${runtime.label.replace(/ at .*/, '')}: ${words.join(', ')}`;
}
