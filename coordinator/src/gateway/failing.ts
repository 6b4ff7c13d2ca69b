// Models that failed a request of the gateway on a node lately: others are asked first for a while, longer after each failure. In: failures
// and answers. Out: the reason, while it holds.
import type { ModelProblem } from '@blackroad/protocol';
import { backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import type { Random } from '@blackroad/std/random';

interface Row {
  text: string;
  times: number;
  untilMs: number;
}
const rest = { firstMs: 5_000, maxMs: 120_000 };
const maxRows = 10_000;
export function createFailing(clock: Clock, random: Random) {
  const rows = new Map<string, Row>();
  const keyOf = (node: string, model: string) => `${node} ${model}`;
  return {
    failed(node: string, model: string, { text }: ModelProblem): void {
      const key = keyOf(node, model);
      const times = (rows.get(key)?.times ?? 0) + 1;
      rows.delete(key);
      rows.set(key, { text, times, untilMs: clock.monotonicMs() + backoffMs(rest, times - 1, random) });
      if (rows.size > maxRows) rows.delete(rows.keys().next().value as string);
    },
    worked(node: string, model: string): void {
      rows.delete(keyOf(node, model));
    },
    of(node: string, model: string): string | null {
      const row = rows.get(keyOf(node, model));
      return row && clock.monotonicMs() < row.untilMs ? row.text : null;
    },
  };
}
