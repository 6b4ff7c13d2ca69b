// A pull of Ollama through the model cache of the coordinator. In: a name. Out: the progress of Ollama's own pull, and the model under that
// name. Ollama asks a relay on this machine, so the model first has a name with the relay's address: it is copied to its own name, and the
// long one is deleted. Where the cache cannot be reached, or lacks the model, Ollama pulls from its registry itself.

import { RuntimeError } from '@blackroad/model-server/runtime-error';
import type { Log } from '@blackroad/std/log';
import type { FleetCache } from '../cache/fleet-cache.ts';
import type { Relay } from '../cache/relay.ts';
import type { HttpAnswer } from './http-json.ts';
import type { OllamaClient } from './ollama-client.ts';
import { problemOf } from './ollama-problem.ts';
import type { PullProgress } from './runtime.ts';

/** The cache, and how a relay to it is opened. */
export interface OllamaCache {
  cache: FleetCache;
  openRelay(names: { asked: string; meant: string }): Promise<Relay>;
}
interface PullParts {
  client: OllamaClient;
  /** The address of the Ollama. */
  url: string;
  through: OllamaCache | undefined;
  /** Pulls under exactly this name. */
  pull: (name: string, signal?: AbortSignal) => AsyncIterable<PullProgress>;
  log: Log;
}

const quickMs = 10_000;
const namespaceMark = 'fleet-cache';
const relayName = new RegExp(`^127\\.0\\.0\\.1:\\d+/${namespaceMark}(_[\\w-]+)?/`);

/** Whether this is the name that a model has during a pull through the cache. */
export function isRelayName(name: string): boolean {
  return relayName.test(name);
}

interface PlainName {
  namespace: string;
  model: string;
  tag: string;
}
/** Null: the name has a host, from which its owner wants it. */
function plainName(name: string): PlainName | null {
  const found = /^(?:([A-Za-z0-9_][\w-]{0,60})\/)?([A-Za-z0-9_][\w.-]{0,79})(?::([A-Za-z0-9_][\w.-]{0,79}))?$/.exec(
    name,
  );
  if (!found) return null;
  const [, namespace = 'library', model = '', tag = 'latest'] = found;
  return { namespace, model, tag };
}

/** Through the cache where there is one, else directly. Throws RuntimeError, with the words of both where both failed. */
export async function* pullNear(parts: PullParts, name: string, signal?: AbortSignal): AsyncGenerator<PullProgress> {
  const { through, url, pull, log } = parts;
  const plain = plainName(name);
  if (!through?.cache.isThere || !plain || !isOnThisMachine(url)) {
    yield* pull(name, signal);
    return;
  }
  let why: string;
  try {
    yield* pullThrough(parts, through, name, plain, signal);
    return;
  } catch (error) {
    if (signal?.aborted) throw error;
    why = (error as Error).message;
    log.info({ model: name, problem: why }, 'not fetched through the cache of the coordinator: Ollama pulls it itself');
  }
  try {
    yield* pull(name, signal);
  } catch (error) {
    if (signal?.aborted || !(error instanceof RuntimeError)) throw error;
    throw new RuntimeError(error.code, `${error.message}; the cache of the coordinator: ${why}`, { cause: error });
  }
}

async function* pullThrough(
  { client, pull, log }: PullParts,
  { cache, openRelay }: OllamaCache,
  name: string,
  { namespace, model, tag }: PlainName,
  signal?: AbortSignal,
): AsyncGenerator<PullProgress> {
  const meant = `${namespace}/${model}`;
  await refuseMissing(cache, `/v2/${meant}/manifests/${tag}`, signal);
  const asked = `${namespaceMark}${namespace === 'library' ? '' : `_${namespace}`}/${model}`;
  const relay = await openRelay({ asked, meant });
  const long = `${relay.host}/${asked}:${tag}`;
  try {
    for await (const progress of pull(long, signal)) {
      // It has its own name only after this.
      if (progress.status === 'success') await copy(client, long, name);
      yield { ...progress, status: fromCache(progress.status) };
    }
  } finally {
    relay.close();
    await removeRelayNames(client).catch((error) =>
      log.warn({ err: error }, 'a name of a pull is left over in Ollama'),
    );
  }
}

/** Rejects with the reason where the cache does not have the model and cannot fetch it. */
async function refuseMissing(cache: FleetCache, path: string, signal?: AbortSignal): Promise<void> {
  const head = await cache.open({ method: 'HEAD', path, signal });
  head.destroy();
  if (head.statusCode === 200) return;
  throw new Error(String(head.headers['x-fleet-problem'] ?? `it answers ${head.statusCode}`));
}

async function copy(client: OllamaClient, source: string, destination: string): Promise<void> {
  const refused = (answer: HttpAnswer) => problemOf(answer, destination);
  await client.ask({ answerMs: quickMs }, refused, (ollama) => ollama.copy({ source, destination }));
}

/** Also those of a process that ended amid a pull. */
async function removeRelayNames(client: OllamaClient): Promise<void> {
  const { models } = await client.ask({ answerMs: quickMs }, problemOf, (ollama) => ollama.list());
  for (const { name } of models)
    if (isRelayName(name))
      await client.ask({ answerMs: quickMs }, problemOf, (ollama) => ollama.delete({ model: name }));
}

const fromCache = (status: string) => (status.startsWith('pulling ') ? `${status} from the fleet's cache` : status);

/** A relay on the loopback of this machine is not that of another one, nor that of a container. */
function isOnThisMachine(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
