// Which runtimes this machine has: found, not configured. An Ollama that answers; else the OpenAI-compatible server whose
// URL was given; else llama.cpp embedded, with the models folder. Where a server lacks a kind of model (most have no
// embedding model) and the folder has one, the embedded runtime stands in for that kind.
// In: addresses and a folder. Out: runtimes, and notes for people: what was found, what is missing, what would fix it.
import type { Clock } from '@blackroad/std/clock';
import type { Log } from '@blackroad/std/log';
import type { Random } from '@blackroad/std/random';
import { modelsIn } from '../models/folder.ts';
import { createLlama, type LlamaOptions } from './llama.ts';
import { createOllama } from './ollama.ts';
import { createOpenAi } from './openai.ts';
import type { Runtime, RuntimeModel } from './runtime.ts';

export interface FindOptions {
  ollamaUrl: string;
  openAiUrl?: string;
  openAiKey?: string;
  modelsDir: string;
  contextTokens?: number;
  keepAlive?: string;
  slots?: number;
  childPath?: string;
  clock: Clock;
  random: Random;
  log: Log;
}
export interface FoundRuntimes {
  /** In the order in which a model is looked for. */
  runtimes: Runtime[];
  /** Plain words, one thing a note. */
  notes: string[];
}

const kinds = ['chat', 'embed'] as const;
const kindWords = { chat: 'chat model', embed: 'embedding model' } as const;
const defaultContextTokens = 4096;

export async function findRuntimes(options: FindOptions): Promise<FoundRuntimes> {
  const notes: string[] = [];
  const server = await findServer(options, notes);
  if (!server) return embeddedOnly(options, notes);
  const served = await server.models().catch((error: Error) => {
    notes.push(`${server.label} answers, but does not list its models: ${error.message}`);
    return [] as RuntimeModel[];
  });
  const runtimes = [server];
  const inFolder = await kindsIn(options.modelsDir);
  const lacks = kinds.filter((kind) => !served.some((model) => model.kind === kind));
  const stoodIn = lacks.filter((kind) => inFolder.has(kind));
  const [only] = stoodIn;
  if (only) runtimes.push(embedded(options, stoodIn.length === 1 ? only : undefined));
  for (const kind of lacks) {
    notes.push(
      inFolder.has(kind)
        ? `${server.label} has no ${kindWords[kind]}: the one in ${options.modelsDir} is used`
        : `${server.label} has no ${kindWords[kind]}: ${cureFor(kind, server, options)}`,
    );
  }
  return { runtimes, notes };
}

/** Whether a model server answers now: asked again and again where only the embedded runtime was found. */
export async function serverAnswers(options: FindOptions): Promise<boolean> {
  const server = await findServer(options, []);
  await server?.close();
  return server !== undefined;
}

async function findServer(options: FindOptions, notes: string[]): Promise<Runtime | undefined> {
  const ollama = createOllama({
    ...options,
    url: options.ollamaUrl,
    contextTokens: options.contextTokens ?? defaultContextTokens,
    keepAlive: options.keepAlive ?? '10m',
  });
  if (await ollama.alive()) {
    notes.push(`found ${ollama.label}`);
    return ollama;
  }
  await ollama.close();
  if (!options.openAiUrl) {
    notes.push(`no Ollama answers at ${options.ollamaUrl}`);
    return undefined;
  }
  const openAi = createOpenAi({ ...options, url: options.openAiUrl, apiKey: options.openAiKey });
  if (await openAi.alive()) {
    await openAi.models().catch(() => {});
    notes.push(`found ${openAi.label}`);
    return openAi;
  }
  await openAi.close();
  notes.push(
    `no Ollama answers at ${options.ollamaUrl}, and the server given does not answer at ${options.openAiUrl}: start it, or correct its URL`,
  );
  return undefined;
}

async function embeddedOnly(options: FindOptions, notes: string[]): Promise<FoundRuntimes> {
  const inFolder = await kindsIn(options.modelsDir);
  notes.push(`models run in the embedded llama.cpp, from ${options.modelsDir}`);
  for (const kind of kinds) {
    if (!inFolder.has(kind)) notes.push(`no ${kindWords[kind]} there: ${cureFor(kind, undefined, options)}`);
  }
  return { runtimes: [embedded(options)], notes };
}

function embedded(options: FindOptions, only?: 'chat' | 'embed'): Runtime {
  const llama: LlamaOptions = { ...options, contextTokens: options.contextTokens ?? defaultContextTokens };
  return createLlama(only ? { ...llama, only } : llama);
}

function cureFor(kind: 'chat' | 'embed', server: Runtime | undefined, options: FindOptions): string {
  const name = kind === 'chat' ? 'qwen2.5:1.5b' : 'all-minilm';
  const lost = kind === 'chat' ? 'agents cannot answer' : 'memory is searched by words only';
  const ollama = server?.kind === 'ollama' ? `run "ollama pull ${name}", or ` : '';
  return `${lost}; ${ollama}put a GGUF file into ${options.modelsDir}`;
}

async function kindsIn(modelsDir: string): Promise<Set<'chat' | 'embed'>> {
  return new Set((await modelsIn(modelsDir)).map((file) => file.kind));
}
