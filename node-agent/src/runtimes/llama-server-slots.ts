// The number of requests that llama-server works on, from its list of slots. It can be started without that list (`--no-slots`): then it
// refuses, and is not asked again until it was away. The list has no requests that wait for a slot.
import type { JsonClient } from './http-json.ts';

interface LlamaServerSlots {
  /** Undefined where the server has no list. Throws RuntimeError where it does not answer. */
  atWork(): Promise<number | undefined>;
  /** Called after the server was away. */
  forget(): void;
}

const answerMs = 5000;

export function createLlamaServerSlots(client: JsonClient): LlamaServerSlots {
  let isRefused = false;
  return {
    async atWork() {
      if (isRefused) return undefined;
      const answer = await client.call({ method: 'GET', path: 'slots', answerMs });
      // 503: the server is loading its model.
      isRefused = answer.status !== 200 && answer.status !== 503;
      if (!Array.isArray(answer.json)) return undefined;
      return answer.json.filter((slot: { is_processing?: unknown } | null) => slot?.is_processing === true).length;
    },
    forget() {
      isRefused = false;
    },
  };
}
