// Models that failed a request of the gateway on a node lately, and model servers that failed as a whole: others are asked first for a while,
// longer after each failure, and at least for as long as the server asked for. In: failures and answers. Out: the reason, while it holds.
import { type ModelProblem, modelProblems, type NodeModel } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

interface Row {
  text: string;
  times: number;
  untilMs: number;
}
type Model = Pick<NodeModel, 'name' | 'runtime'>;
const rest = { firstMs: 5_000, maxMs: 120_000 };
const maxRows = 10_000;
export function createFailing(clock: Clock, random: Random) {
  const rows = new Map<string, Row>();
  const modelKey = (node: string, { name }: Model) => `${node} model ${name}`;
  const serverKey = (node: string, { runtime }: Model) => `${node} server ${runtime}`;
  return {
    /** A problem that blames neither the model there nor its server changes nothing. */
    failed(node: string, model: Model, { code, text, retryAfterS = 0 }: ModelProblem): void {
      const { blames } = modelProblems[code];
      if (blames !== 'place' && blames !== 'server') return;
      const key = blames === 'server' ? serverKey(node, model) : modelKey(node, model);
      const times = (rows.get(key)?.times ?? 0) + 1;
      rows.delete(key);
      const restMs = Math.max(retryAfterS * 1000, backoffMs(rest, times - 1, random));
      rows.set(key, { text, times, untilMs: clock.monotonicMs() + restMs });
      if (rows.size > maxRows) rows.delete(rows.keys().next().value as string);
    },
    worked(node: string, model: Model): void {
      rows.delete(modelKey(node, model));
      rows.delete(serverKey(node, model));
    },
    of(node: string, model: Model): string | null {
      const nowMs = clock.monotonicMs();
      for (const key of [serverKey(node, model), modelKey(node, model)]) {
        const row = rows.get(key);
        if (row && nowMs < row.untilMs) return row.text;
      }
      return null;
    },
  };
}
