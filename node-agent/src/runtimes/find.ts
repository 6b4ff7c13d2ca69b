// The runtimes of this machine, detected without configuration: an Ollama that answers; else the OpenAI-compatible server whose URL was
// given; else the embedded llama.cpp with the models folder. Beside a server, the embedded runtime stands in for the kind of model that the
// server does not have (most have no embedding model). In: addresses and a folder. Out: runtimes.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { createLlama } from './llama.ts';
import { createOllama } from './ollama.ts';
import type { OllamaCache } from './ollama-pull.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime } from './runtime.ts';

interface FindOptions {
  /** Null: no Ollama is looked for. */
  ollamaUrl: string | null;
  openAiUrl?: string;
  openAiKey?: string;
  modelsDir: string;
  contextTokens?: number;
  keepAlive?: string;
  slots?: number;
  childPath?: string;
  /** The model cache of the coordinator. */
  cache?: OllamaCache | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

const defaultContextTokens = 4096;

/** In the order in which a model is looked up. */
export async function findRuntimes(options: FindOptions): Promise<Runtime[]> {
  const server = await findServer(options);
  const llama = {
    ...options,
    cache: options.cache?.cache,
    contextTokens: options.contextTokens ?? defaultContextTokens,
  };
  return server ? [server, createLlama({ ...llama, standsIn: true })] : [createLlama(llama)];
}

/** Whether a model server answers now: called again and again where only the embedded runtime was found. */
export async function serverAnswers(options: FindOptions): Promise<boolean> {
  const server = await findServer(options);
  await server?.close();
  return server !== undefined;
}

async function findServer(options: FindOptions): Promise<Runtime | undefined> {
  const contextTokens = options.contextTokens ?? defaultContextTokens;
  const keepAlive = options.keepAlive ?? '10m';
  const candidates = [
    ...(options.ollamaUrl === null
      ? []
      : [() => createOllama({ ...options, url: options.ollamaUrl as string, contextTokens, keepAlive })]),
    ...(options.openAiUrl
      ? [() => createOpenAi({ ...options, url: options.openAiUrl as string, apiKey: options.openAiKey })]
      : []),
  ];
  for (const create of candidates) {
    const server = create();
    if (await server.alive()) {
      // The kind of server is detected from its list of models.
      await server.models().catch(() => {});
      return server;
    }
    await server.close();
  }
  return undefined;
}
