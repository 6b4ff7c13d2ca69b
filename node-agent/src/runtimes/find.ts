// The runtimes of this machine: an Ollama that answers, which needs no configuration; every OpenAI-compatible server whose URL was given and
// that answers, now or later; else the embedded llama.cpp with the models folder. Beside a server, the embedded runtime stands in for the
// kind of model that no server has (most have no embedding model). A node that asks a
// paid API has that in place of a server. In: addresses and a folder. Out: runtimes.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import type { CloudOptions } from './cloud-provider.ts';
import { createLlama } from './llama.ts';
import { createOllama } from './ollama.ts';
import type { OllamaCache } from './ollama-pull.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';

interface FindOptions {
  /** Null: no Ollama is looked for. */
  ollamaUrl: string | null;
  /** A person gave that address: it is looked for also beside other servers. */
  isOllamaNamed?: boolean;
  openAiUrls?: readonly string[];
  openAiKey?: string;
  /** The coordinator may ask these servers itself. */
  isDirect?: boolean;
  /** The paid API that this node is for; then no server is looked for. */
  cloud?: CloudOptions;
  modelsDir: string;
  contextTokens?: number;
  keepAlive?: string;
  slots?: number;
  /** The model cache of the coordinator. */
  cache?: OllamaCache | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

const defaultContextTokens = 4096;

interface Candidate {
  url: string;
  /** A person gave it: it is looked for also beside other servers. */
  isNamed: boolean;
  create: () => Runtime | Promise<Runtime>;
}
interface RuntimeFinder {
  /** In the order in which a model is looked up. */
  find(): Promise<Runtime[]>;
  /** The same runtimes with servers that answer by now; null: no more are there, or none is looked for. */
  findMore(): Promise<Runtime[] | null>;
  readonly hasServer: boolean;
  /** OpenAI-compatible servers that were given and never answered. */
  absent(): string[];
}

export function createFinder(options: FindOptions): RuntimeFinder {
  const { ollamaUrl, openAiUrls = [], contextTokens = defaultContextTokens, keepAlive = '10m' } = options;
  const { cloud } = options;
  const candidates: Candidate[] = openAiUrls.map((url) => {
    return { url, isNamed: true, create: () => createOpenAi({ ...options, url, apiKey: options.openAiKey }) };
  });
  if (ollamaUrl !== null)
    candidates.unshift({
      url: ollamaUrl,
      isNamed: options.isOllamaNamed ?? false,
      create: () => createOllama({ ...options, url: ollamaUrl, contextTokens, keepAlive }),
    });
  // Loaded where it is wanted: no other node pays for it. The first list loads the provider's client, before a look has a deadline.
  const createPaid = async () => (await import('./cloud.ts')).createCloud({ ...options, ...(cloud as CloudOptions) });
  if (cloud) candidates.splice(0, candidates.length, { url: cloud.provider, isNamed: true, create: createPaid });
  const found = new Map<string, Runtime>();

  /** Whether one more answers. Each is asked at the same time, and has its own health from then on. */
  async function look(): Promise<boolean> {
    const wanted = candidates.filter(({ url, isNamed }) => !found.has(url) && (isNamed || found.size === 0));
    const answers = await Promise.all(
      wanted.map(async ({ url, create }) => {
        const server = await create();
        const isAlive = cloud !== undefined || (await server.alive());
        // The kind of server is detected from its list of models.
        if (isAlive) await server.models().catch(() => {});
        else await server.close();
        return isAlive ? { url, server } : null;
      }),
    );
    for (const answer of answers) if (answer) found.set(answer.url, answer.server);
    return answers.some((answer) => answer !== null);
  }
  function runtimes(): Runtime[] {
    const servers = candidates.flatMap(({ url }) => found.get(url) ?? []);
    const standsIn = servers.length > 0 ? { standsIn: true } : {};
    return [...servers, createLlama({ ...options, cache: options.cache?.cache, contextTokens, ...standsIn })];
  }

  return {
    async find() {
      await look();
      return runtimes();
    },
    findMore: async () => ((await look()) ? runtimes() : null),
    get hasServer() {
      return found.size > 0;
    },
    absent: () => openAiUrls.filter((url) => !found.has(url)),
  };
}
