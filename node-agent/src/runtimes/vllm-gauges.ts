// What vLLM's gauges show: how many tokens its cache holds, and how much of what was sent it works on. It never says how many requests
// it takes at once: what it works on while others wait inside it is its limit, and while none waits it is given more. What this node
// did not send it is of others.
import type { Clock } from '@blackroad/std/clock';
import type { JsonClient } from './http-json.ts';
import { kvCacheTokens, requestsIn } from './openai-wire.ts';
import type { ServerUse } from './server-use.ts';
import { createSlotBook } from './slots.ts';

interface VllmGauges {
  /** Reads them. Throws RuntimeError where the server does not answer. */
  look(models: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Tokens of context that fit its cache; undefined until it tells. */
  readonly cacheTokens: number | undefined;
  slotsFor(model: string, contextTokens: number): number;
  /** The server was away. */
  forget(): void;
}

const answerMs = 5000;
// vLLM batches continuously: it begins with this many at once, and gets more while none waits inside it, up to its own usual limit.
const firstSlots = 16;
const mostSlots = 256;
// The gauges cost nothing: what they showed is believed for a minute.
const slotLifeMs = 60_000;
// A turn of an agent mostly needs less context than this, however long the model's own is.
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
      if (requests.waiting > 0) slots.waited(model, requests.running);
      else slots.ran(model, requests.running);
    }
  }

  /** As many answers at once as the cache holds turns; it would take more and then throw work away to make room. */
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
    forget() {
      slots.forget();
      cacheTokens = undefined;
    },
  };
}
