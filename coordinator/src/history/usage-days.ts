// Ends of tasks as rows of a day, added up until they are written. Exactly once: an end is written when no other of its millisecond can
// follow, together with the time up to which all ends are included; ends that were not written before a crash are read again from the
// tasks. Pure, in memory.
import { costOf, maxTokensPerTask, type TokenPrice } from '@blackroad/protocol';
import type { EndedTask } from '../state/rows.ts';
import type { UsageRow } from '../store/store.ts';

const dayMs = 86_400_000;
/** A commit that is not finished may still add ends of a moment ago. */
const lateMs = 1_000;

/** A request to a model that was answered. It is counted once; what a crash keeps from being written is not. */
export interface AnsweredRequest {
  atMs: number;
  /** The id of the API key that asked, or ''. */
  key: string;
  model: string;
  node: string;
  promptTokens: number;
  cachedTokens?: number;
  completionTokens: number;
}

/** The prices of a model when an answer of it is counted. */
export interface UsagePrices {
  /** Null: it costs nothing. */
  own: TokenPrice | null;
  /** At the paid API that stands for its tier; null: it is compared with none. */
  cloud: TokenPrice | null;
}
interface UsageDays {
  add(task: EndedTask, prices: UsagePrices): void;
  addRequest(request: AnsweredRequest, prices: UsagePrices): void;
  /** The number of rows that wait to be written. */
  size(): number;
  /** The complete rows, and the time up to which they are complete (exclusive); null: nothing new. */
  take(nowMs: number): { rows: UsageRow[]; uptoMs: number } | null;
  /** Adds rows again that could not be written: the next `take` returns them. */
  giveBack(rows: readonly UsageRow[]): void;
}

/** A task that was stored before tokens had a limit may claim any number. */
export function hasOddTokens({ usage }: EndedTask): boolean {
  return usage !== null && [usage.promptTokens, usage.completionTokens].some((count) => tokensOf(count) !== count);
}
function tokensOf(count = 0): number {
  return Number.isInteger(count) && count >= 0 && count <= maxTokensPerTask ? count : 0;
}
/** The tokens of a task or a request, what they cost, and what they would have cost elsewhere. */
function figuresOf(
  given: Partial<Pick<AnsweredRequest, 'promptTokens' | 'cachedTokens' | 'completionTokens'>> & { costUsd?: number },
  { own, cloud }: UsagePrices,
): Pick<UsageRow, 'promptTokens' | 'completionTokens' | 'costUsd' | 'cloudUsd'> {
  const promptTokens = tokensOf(given.promptTokens);
  const completionTokens = tokensOf(given.completionTokens);
  const tokens = { promptTokens, cachedTokens: tokensOf(given.cachedTokens), completionTokens };
  // A task has its cost since it ended; its node may be gone by now.
  const costUsd = given.costUsd ?? (own ? costOf(own, tokens) : 0);
  return { promptTokens, completionTokens, costUsd, cloudUsd: cloud && costUsd === 0 ? costOf(cloud, tokens) : 0 };
}

export function createUsageDays(): UsageDays {
  let earlier = new Map<string, UsageRow>();
  let latest = new Map<string, UsageRow>();
  let latestMs = Number.NEGATIVE_INFINITY;
  let isNew = false;

  function into(map: Map<string, UsageRow>, row: UsageRow) {
    const key = `${row.day} ${row.agent} ${row.node} ${row.key} ${row.model}`;
    const sum = map.get(key);
    if (!sum) {
      map.set(key, { ...row });
      return;
    }
    sum.tasks += row.tasks;
    sum.failed += row.failed;
    sum.promptTokens += row.promptTokens;
    sum.completionTokens += row.completionTokens;
    sum.costUsd += row.costUsd;
    sum.cloudUsd += row.cloudUsd;
  }
  function closeLatest() {
    for (const row of latest.values()) into(earlier, row);
    latest = new Map();
  }
  return {
    add({ endedMs, state, agent, node, by, usage }, prices) {
      if (endedMs > latestMs) {
        closeLatest();
        latestMs = endedMs;
        isNew = true;
      }
      if (state === 'cancelled') return;
      into(endedMs === latestMs ? latest : earlier, {
        day: Math.floor(endedMs / dayMs),
        agent,
        model: usage?.model ?? '',
        node: node ?? '',
        key: by?.id ?? '',
        tasks: 1,
        failed: state === 'done' ? 0 : 1,
        ...figuresOf(usage ?? {}, prices),
      });
    },
    addRequest({ atMs, key, model, node, ...given }, prices) {
      const sums = { tasks: 1, failed: 0, ...figuresOf(given, prices) };
      into(earlier, { day: Math.floor(atMs / dayMs), agent: '', model, node, key, ...sums });
      isNew = true;
    },
    size: () => earlier.size + latest.size,
    take(nowMs) {
      if (!isNew) return null;
      // Without an end of a task so far, the mark of what is counted stays.
      let uptoMs = Number.isFinite(latestMs) ? latestMs : 0;
      if (nowMs - latestMs >= lateMs) {
        closeLatest();
        isNew = false;
        uptoMs = Number.isFinite(latestMs) ? latestMs + 1 : 0;
      }
      const rows = [...earlier.values()];
      earlier = new Map();
      return { rows, uptoMs };
    },
    giveBack(rows) {
      for (const row of rows) into(earlier, row);
      isNew = true;
    },
  };
}
