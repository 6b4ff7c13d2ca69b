// Models that failed a request of the gateway on a node lately, and model servers that failed as a whole: others are asked first for a while,
// longer after each failure, and at least for as long as the server asked for. In: failures and answers. Out: the reason, while it holds.
import { type ModelProblem, modelProblems, type NodeModel } from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';
import { Rest } from '@blackroad/std/rest';

type Model = Pick<NodeModel, 'name' | 'runtime'>;
const backoff = { firstMs: 5_000, maxMs: 120_000 };
const maxRows = 10_000;
export function createFailing(clock: Clock, random: Random) {
  const rests = new Map<string, Rest<string>>();
  const modelKey = (node: string, { name }: Model) => `${node} model ${name}`;
  const serverKey = (node: string, { runtime }: Model) => `${node} server ${runtime}`;
  return {
    /** A problem that blames neither the model there nor its server changes nothing. `askedMs`: when the node was asked. */
    failed(node: string, model: Model, { code, text, retryAfterS = 0 }: ModelProblem, askedMs: number): void {
      const { blames } = modelProblems[code];
      if (blames !== 'place' && blames !== 'server') return;
      const key = blames === 'server' ? serverKey(node, model) : modelKey(node, model);
      const rest = rests.get(key) ?? new Rest({ clock, random, backoff });
      rest.failed(text, askedMs, (usualMs) => Math.max(retryAfterS * 1000, usualMs));
      rests.delete(key);
      rests.set(key, rest);
      if (rests.size > maxRows) rests.delete(rests.keys().next().value as string);
    },
    worked(node: string, model: Model, askedMs: number): void {
      rests.get(modelKey(node, model))?.worked(askedMs);
      rests.get(serverKey(node, model))?.worked(askedMs);
    },
    of(node: string, model: Model): string | null {
      for (const key of [serverKey(node, model), modelKey(node, model)]) {
        const left = rests.get(key)?.left();
        if (left) return left.why;
      }
      return null;
    },
  };
}
