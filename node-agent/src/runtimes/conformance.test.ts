// Runs the suite of conformance.ts on every runtime.
import { shippedCatalogue } from '@blackroad/protocol/cloud-models';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { seededRandom, systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { runtimeConformance, thoughtConformance } from '../../../test/conformance/runtime.ts';
import { cloudKey, startCloudServer } from '../../../test/fixtures/cloud-server.ts';
import { startReplay } from '../../../test/fixtures/node-agent/replay-server.ts';
import { scriptedLlama, scriptedOllama, scriptedOpenAi } from '../../../test/fixtures/node-agent/scripted-runtimes.ts';
import { testModels } from '../../../test/fixtures/node-agent/test-models.ts';
import { createCloud } from './cloud.ts';
import { createLlama } from './llama.ts';
import { createOllama } from './ollama.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';
import { createSimulated } from './simulated.ts';

const common = { clock: systemClock, log: silentLog };

await runtimeConformance(t, 'ollama, replayed', async () => {
  let resident = true;
  const replay = await startReplay('ollama', ({ method, path, body }) => {
    switch (`${method} ${path}`) {
      case 'GET /api/version':
        return 'version';
      case 'GET /api/tags':
        return 'tags';
      case 'GET /api/ps':
        return resident ? 'ps-two-resident' : 'ps-nothing-resident';
      case 'POST /api/generate':
        resident = body.keep_alive !== 0;
        return resident ? 'generate-load' : 'generate-unload';
      case 'POST /api/chat':
        return body.messages.at(-1).content.includes('lighthouse')
          ? { name: 'chat-runner-killed', holdAfter: 3 }
          : 'chat-stream';
      case 'POST /api/embed': {
        if (body.input.length === 2) return 'embed-two';
        // The recorded tokenizer makes one token of each "word".
        return body.input[0].length / 5 > 510 ? 'embed-too-long-no-truncate' : 'embed-too-long';
      }
      case 'POST /api/pull':
        return 'pull-unknown-in-registry';
      default:
        return `no exchange for ${method} ${path}`;
    }
  });
  const runtime = createOllama({ ...common, url: replay.url, contextTokens: 2048, keepAlive: '10m' });
  return { runtime, chatModel: 'smollm2:135m', embedModel: 'all-minilm:l6', isRecorded: true, close: replay.close };
});

await runtimeConformance(t, 'openai dialect, llama-server replayed', async () => {
  const replay = await startReplay('llama-server', ({ method, path, body }) => {
    switch (`${method} ${path}`) {
      case 'GET /health':
        return 'health';
      case 'GET /v1/models':
        return 'models';
      case 'GET /props':
        return 'props';
      case 'POST /v1/embeddings':
        return 'embeddings-not-enabled';
      case 'POST /v1/chat/completions': {
        const asked: string = body.messages.at(-1).content;
        if (asked.length > 8192) return 'chat-too-long-stream';
        return asked.includes('lighthouse') ? { name: 'chat-tool-stream', holdAfter: 9 } : 'chat-stream';
      }
      default:
        return 'unknown-route';
    }
  });
  const runtime = createOpenAi({ ...common, url: `${replay.url}/v1` });
  return { runtime, chatModel: 'smollm2-135m', isRecorded: true, close: replay.close };
});

await runtimeConformance(t, 'openai dialect, vLLM replayed', async () => {
  const replay = await startReplay('vllm', ({ method, path, body }) => {
    switch (`${method} ${path}`) {
      case 'GET /health':
        return 'health';
      case 'GET /version':
        return 'version';
      case 'GET /v1/models':
        return 'models';
      case 'GET /metrics':
        return 'metrics';
      case 'GET /props':
        return 'props-unknown-route';
      case 'POST /v1/embeddings':
        return 'embeddings-chat-model';
      case 'POST /v1/chat/completions': {
        const asked: string = body.messages.at(-1).content;
        if (asked.length > 8192) return 'chat-too-long-stream';
        return asked.includes('lighthouse') ? { name: 'chat-stream', holdAfter: 6 } : 'chat-stream';
      }
      default:
        return 'unknown-route';
    }
  });
  const runtime = createOpenAi({ ...common, url: `${replay.url}/v1` });
  return { runtime, chatModel: 'smollm2-135m', isRecorded: true, close: replay.close };
});

for (const provider of ['openai', 'anthropic'] as const) {
  await runtimeConformance(t, `cloud, ${provider}, scripted`, async () => {
    const { url, close } = await startCloudServer();
    const models = shippedCatalogue.models.filter((model) => model.provider === provider);
    const runtime = createCloud({ ...common, random: seededRandom(1), provider, url, apiKey: cloudKey, models });
    const chatModel = models.find(({ kind }) => kind === 'chat')?.name ?? '';
    const embedModel = models.find(({ kind }) => kind === 'embed')?.name;
    return { runtime, chatModel, ...(embedModel ? { embedModel } : {}), close };
  });
}

await thoughtConformance(t, 'ollama: thoughts', { thinking: 'hm' }, () => scriptedOllama());
await thoughtConformance(t, 'vLLM: thoughts', { reasoning: 'hm' }, () => scriptedOpenAi('vllm'));
await thoughtConformance(t, 'llama-server: thoughts', { reasoning_content: 'hm' }, () => scriptedOpenAi('llamacpp'));
await thoughtConformance(t, 'embedded: thoughts', { thinking: 'hm' }, () => scriptedLlama());

await runtimeConformance(t, 'simulated', async () => {
  const runtime = createSimulated({
    models: [
      { name: 'sim-chat', kind: 'chat' },
      { name: 'sim-embed', kind: 'embed' },
    ],
    decodeTps: Number.POSITIVE_INFINITY,
    clock: systemClock,
    random: seededRandom(1),
  });
  return { runtime, chatModel: 'sim-chat', embedModel: 'sim-embed' };
});

await runtimeConformance(t, 'llama.cpp embedded, real models', async () => {
  const models = await testModels();
  if ('skip' in models) return models;
  const runtime = createLlama({ ...common, random: systemRandom, modelsDir: models.modelsDir, contextTokens: 2048 });
  return { runtime, chatModel: 'smollm2-135m-instruct', embedModel: 'all-minilm-l6-v2' };
});

// Real servers, when this machine runs one with the right kinds of models.
const real: [string, () => Runtime][] = [
  [
    'a real Ollama',
    () => createOllama({ ...common, url: 'http://127.0.0.1:11434', contextTokens: 2048, keepAlive: '5m' }),
  ],
  ['a real llama-server', () => createOpenAi({ ...common, url: 'http://127.0.0.1:8080' })],
];
for (const [name, create] of real) {
  await runtimeConformance(t, name, async () => {
    const runtime = create();
    if (!(await runtime.alive())) {
      await runtime.close();
      return { skip: `${runtime.label} does not answer` };
    }
    const models = await runtime.models();
    const chat = models.filter((model) => model.kind === 'chat').toSorted((a, b) => a.sizeBytes - b.sizeBytes)[0];
    if (!chat) return { skip: `${runtime.label} has no chat model` };
    return { runtime, chatModel: chat.name, embedModel: models.find((model) => model.kind === 'embed')?.name };
  });
}
