// Facts of Ollama's models: requested once for each digest, a few at a time, each with its own deadline. In: the tags of Ollama's list.
// Out: facts of each, guessed from the list until the answer comes, so that one slow header hides no model. An old Ollama reports no
// capabilities: then the architecture decides.

import { catalogueEntry } from '@blackroad/model-server/weights/catalogue';
import { headerKvBytesPerToken } from '@blackroad/model-server/weights/kv-cache';
import type { Clock } from '@blackroad/std/clock';
import type { OllamaClient } from './ollama-client.ts';
import { problemOf } from './ollama-problem.ts';
import type { RuntimeModel } from './runtime.ts';

export interface Tag {
  name: string;
  size?: number;
  digest?: string;
  remote_host?: string;
  capabilities?: string[];
  details?: { family?: string; parameter_size?: string; context_length?: number; embedding_length?: number };
}
interface Show {
  capabilities?: string[];
  template?: string;
  model_info?: Record<string, unknown>;
}
export type OllamaFacts = Pick<
  RuntimeModel,
  'kind' | 'tools' | 'sees' | 'contextTokens' | 'dimension' | 'kvBytesPerToken'
>;

/** A look does not wait longer for pending answers; they are used by the next one. */
const lookMs = 2000;
/** A busy server reads a header late; after this it is asked again. */
const showMs = 30_000;
const askedAtOnce = 4;
/** Architectures of llama.cpp that can only embed. */
const embedding = /(^|[-_])(bert|t5encoder)([-_]|$)|embed/i;

export function createOllamaFacts(parts: { client: OllamaClient; contextTokens: number; clock: Clock }): {
  of(tags: readonly Tag[], signal?: AbortSignal): Promise<OllamaFacts[]>;
  close(): void;
} {
  const { client, clock } = parts;
  const known = new Map<string, OllamaFacts>();
  const asked = new Map<string, Promise<void>>();
  const waiting: (() => void)[] = [];
  const stop = new AbortController();
  let asking = 0;

  async function turn(): Promise<void> {
    if (asking >= askedAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
    asking++;
  }
  function done(): void {
    asking--;
    waiting.shift()?.();
  }

  async function ask(key: string, tag: Tag): Promise<void> {
    await turn();
    try {
      const show = await client.ask<Show | null | undefined>(
        { signal: stop.signal, answerMs: showMs },
        (answer) => problemOf(answer, tag.name),
        (ollama) => ollama.show({ model: tag.name }) as Promise<object>,
      );
      known.set(key, factsFrom(tag, show ?? {}, parts.contextTokens));
    } catch {
      // A model that is deleted or busy at this moment: the facts from the list are used, the next look asks again.
    } finally {
      asked.delete(key);
      done();
    }
  }

  function forAWhile(work: Promise<unknown>, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        signal?.removeEventListener('abort', end);
        resolve();
      };
      const timer = clock.after(lookMs, end);
      signal?.addEventListener('abort', end, { once: true });
      void work.then(end);
    });
  }

  /** Null when the list has all the facts, as it does for an embedding model. */
  function begin(tag: Tag): Promise<void> | null {
    const key = keyOf(tag);
    if (known.has(key)) return null;
    if (tag.capabilities && tag.details?.context_length && embedsOnly(tag.capabilities)) {
      known.set(key, factsFrom(tag, {}, parts.contextTokens));
      return null;
    }
    const begun = asked.get(key) ?? ask(key, tag);
    asked.set(key, begun);
    return begun;
  }

  return {
    async of(tags, signal) {
      const open = tags.flatMap((tag) => begin(tag) ?? []);
      if (open.length > 0) await forAWhile(Promise.all(open), signal);
      return tags.map((tag) => known.get(keyOf(tag)) ?? factsFrom(tag, {}, parts.contextTokens));
    },
    close() {
      stop.abort();
    },
  };
}

/** The facts of a model do not change under its digest. */
const keyOf = (tag: Tag) => tag.digest || tag.name;
const embedsOnly = (capabilities: readonly string[]) =>
  capabilities.includes('embedding') && !capabilities.includes('completion');

/** Facts from every source; missing ones come from the architecture, the template, and the catalogue, in that order. */
function factsFrom(tag: Tag, show: Show, contextTokens: number): OllamaFacts {
  const info = show.model_info ?? {};
  const architecture = String(info['general.architecture'] ?? tag.details?.family ?? '');
  const numberAt = (key: string) => Number(info[`${architecture}.${key}`] ?? 0);
  const capabilities = tag.capabilities ?? show.capabilities;
  const entry = catalogueEntry(tag.name);
  const embeds = capabilities
    ? embedsOnly(capabilities)
    : embedding.test(architecture) || `${architecture}.pooling_type` in info || (entry?.kind ?? 'chat') === 'embed';
  const tools = capabilities
    ? capabilities.includes('tools')
    : show.template === undefined
      ? (entry?.tools ?? false)
      : show.template.includes('.Tools');
  const trained = tag.details?.context_length || numberAt('context_length');
  const dimension = tag.details?.embedding_length || numberAt('embedding_length');
  const kv = headerKvBytesPerToken(architecture, (key) => info[key]);
  return {
    kind: embeds ? 'embed' : 'chat',
    tools: !embeds && tools,
    ...(capabilities ? { sees: capabilities.includes('vision') } : {}),
    contextTokens: trained === 0 ? contextTokens : Math.min(trained, contextTokens),
    dimension: embeds ? dimension : 0,
    ...(embeds ? { kvBytesPerToken: 0 } : kv > 0 ? { kvBytesPerToken: kv } : {}),
  };
}
