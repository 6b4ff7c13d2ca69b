// The gauges of vLLM: how many tokens its cache holds, and how many of the requests in it are running. It does not report how many it runs
// at once: the number that runs while others wait inside it is its limit, and while none waits it is sent more. Requests in it that are not
// of this node are of others.

import type { Clock } from '@blackroad/std/clock';
import type { JsonClient } from './http-json.ts';
import type { ServerUse } from './server-use.ts';
import { createSlotBook } from './slots.ts';
import { kvCacheTokens, kvCacheUse, requestsIn } from './vllm-metrics.ts';

interface VllmGauges {
  /** Reads the gauges. Throws RuntimeError where the server does not answer. */
  look(models: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Tokens of context that its cache holds; undefined until it reports them. */
  readonly cacheTokens: number | undefined;
  slotsFor(model: string, contextTokens: number): number;
  /** It refused a request while this many of this node were in it: its own limit (`--max-num-queued-reqs`) is reached. */
  refused(model: string, inside: number): void;
  /** Called after the server was away. */
  forget(): void;
}

const answerMs = 5000;
// vLLM batches continuously: it is first sent this many requests at once, and more while none waits inside it, up to its own usual limit.
const firstSlots = 16;
const mostSlots = 256;
// Reading the gauges costs nothing: a limit from them holds for a minute.
const slotLifeMs = 60_000;
// Of its cache: with more in it, vLLM throws out requests that are under way, and works on them anew.
const fullCache = 0.95;
// A turn of an agent mostly needs less context than this, however long that of the model is.
const turnTokens = 4096;

export function createVllmGauges(client: JsonClient, use: ServerUse, clock: Clock): VllmGauges {
  const slots = createSlotBook(clock, slotLifeMs, (proven) => Math.max(firstSlots, proven * 2));
  let cacheTokens: number | undefined;

  async function look(models: readonly string[], signal?: AbortSignal): Promise<void> {
    const showed = use.look();
    const answer = await client.call({ method: 'GET', path: 'metrics', signal, answerMs });
    if (answer.status !== 200) return;
    cacheTokens ??= kvCacheTokens(answer.text);
    for (const model of models) {
      const requests = requestsIn(answer.text, model);
      if (!requests) continue;
      showed(model, requests.running + requests.waiting);
      if (requests.running < 1) continue;
      if (requests.waiting > 0 || kvCacheUse(answer.text, model) >= fullCache) slots.waited(model, requests.running);
      else slots.ran(model, requests.running);
    }
  }

  /** At most as many answers at once as the cache holds turns; vLLM would accept more and then discard work to make room. */
  function roomFor(contextTokens: number): number {
    if (cacheTokens === undefined) return mostSlots;
    const turn = contextTokens > 0 ? Math.min(contextTokens, turnTokens) : turnTokens;
    return Math.min(mostSlots, Math.max(1, Math.floor(cacheTokens / turn)));
  }

  return {
    look,
    get cacheTokens() {
      return cacheTokens;
    },
    slotsFor: (model, contextTokens) => Math.min(slots.now(model) ?? firstSlots, roomFor(contextTokens)),
    refused: (model, inside) => slots.waited(model, Math.max(1, inside)),
    forget() {
      slots.forget();
      cacheTokens = undefined;
    },
  };
}
