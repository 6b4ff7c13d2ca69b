// How many requests llama-server works on, as its list of slots shows. It can be started without that list (`--no-slots`): then it
// refuses, and is not asked again until it was away. It lists no request that waits for a slot.
import type { JsonClient } from './http-json.ts';

interface LlamaServerSlots {
  /** Undefined where it does not tell. Throws RuntimeError where the server does not answer. */
  atWork(): Promise<number | undefined>;
  /** The server was away. */
  forget(): void;
}

const answerMs = 5000;

export function createLlamaServerSlots(client: JsonClient): LlamaServerSlots {
  let isRefused = false;
  return {
    async atWork() {
      if (isRefused) return undefined;
      const answer = await client.call({ method: 'GET', path: 'slots', answerMs });
      // 503: it loads its model.
      isRefused = answer.status !== 200 && answer.status !== 503;
      if (!Array.isArray(answer.json)) return undefined;
      return answer.json.filter((slot: { is_processing?: unknown } | null) => slot?.is_processing === true).length;
    },
    forget() {
      isRefused = false;
    },
  };
}
