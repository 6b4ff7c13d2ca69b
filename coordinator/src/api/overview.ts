// Lists over the whole fleet and over time: history, usage, memory branches. All only read; each read of the store
// is small, and the event loop runs between two of them.
import {
  type BranchView,
  type BudgetRow,
  FleetError,
  maxUsageDays,
  notFoundText,
  type Principal,
  shareUsed,
  type Usage,
} from '@blackroad/protocol';
import { type CloudCatalogue, referenceKinds, referenceOf } from '@blackroad/protocol/cloud-models';
import { compareText } from '@blackroad/std/pace';
import { allAccounts, viewOf } from '../budgets/books.ts';
import { dayText } from '../drivers/recorder.ts';
import type { ApiContext } from '../http/context.ts';
import type { Handlers } from '../http/handler.ts';
import { agentAccount } from '../state/account.ts';
import { agentIdEver, agentIdOf, agentNameOf, type View } from '../state/view.ts';

const dayMs = 86_400_000;
const usualDays = 30;

function dayOf(text: string | undefined, field: string): number | null {
  if (text === undefined) return null;
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (Number.isFinite(ms)) return ms / dayMs;
  throw new FleetError('invalid-request', { detail: `query: ${field}: expected a day like 2026-11-24, got ${text}` });
}

type Query = Parameters<Handlers['usage']>[0]['query'];
/** What people call it: agents and keys are counted by their ids. */
function shownAs(view: View, by: Usage['by'], key: string): string {
  if (by === 'agent') return key === '' ? '' : agentNameOf(view, key);
  return by === 'key' ? (view.keys.get(key)?.name ?? key) : key;
}
/** An id that no agent can have. */
const noAgent = '-';
async function usageOf(context: ApiContext, query: Query, { space }: Principal): Promise<Usage> {
  const { coordinator, clock } = context;
  const by = query.by ?? 'day';
  const to = dayOf(query.to, 'to') ?? Math.floor(clock.nowMs() / dayMs);
  const from = dayOf(query.from, 'from') ?? to - usualDays + 1;
  if (from > to || to - from >= maxUsageDays) {
    const detail = `query: from: expected a day at most ${maxUsageDays - 1} days before ${dayText(to)} and not after it, got ${dayText(from)}`;
    throw new FleetError('invalid-request', { detail });
  }
  const { view } = coordinator;
  const only = {
    // A filter by an agent that never existed finds nothing.
    ...(query.agent === undefined ? {} : { agent: agentIdEver(view, space, query.agent) ?? noAgent }),
    ...(query.node === undefined ? {} : { node: query.node }),
  };
  const empty = () => ({ tasks: 0, failed: 0, promptTokens: 0, completionTokens: 0, costUsd: 0, cloudUsd: 0 });
  const total = empty();
  const rows = new Map<string, ReturnType<typeof empty>>();
  for (let day = from; day <= to; day++) {
    for (const { key, ...sums } of await coordinator.store.usage(day, by, only)) {
      const name = by === 'day' ? dayText(day) : shownAs(view, by, key);
      const row = rows.get(name) ?? empty();
      rows.set(name, row);
      for (const field of Object.keys(total) as (keyof typeof total)[]) {
        row[field] += sums[field];
        total[field] += sums[field];
      }
    }
    await new Promise<void>((resolve) => clock.soon(resolve));
  }
  const list = [...rows].map(([key, sums]) => ({ key, ...sums }));
  const tokens = (row: ReturnType<typeof empty>) => row.promptTokens + row.completionTokens;
  if (by !== 'day') list.sort((a, b) => tokens(b) - tokens(a) || b.tasks - a.tasks);
  return {
    from: dayText(from),
    to: dayText(to),
    by,
    total,
    reference: referencesIn(context.settings.cloud),
    rows: list,
  };
}

function referencesIn(cloud: CloudCatalogue): Usage['reference'] {
  return referenceKinds.flatMap((of) => {
    const found = referenceOf(cloud, of);
    return found ? [{ of, provider: found.provider, model: found.name, price: found.price }] : [];
  });
}

export const overviewHandlers = {
  nodeHistory({ context, params: { node }, query }) {
    const { nodes } = context.coordinator.view;
    if (!nodes.has(node)) throw new FleetError('no-such-node', { detail: notFoundText('node', node, nodes.keys()) });
    return context.recorder.nodeHistory(node, query.metric, query.range ?? 'hour');
  },
  fleetHistory: ({ context, query }) => context.recorder.fleetHistory(query.metric, query.range ?? 'hour'),
  usage: ({ context, query, by }) => usageOf(context, query, by),
  budgets({ context: { coordinator }, query, by }): BudgetRow[] {
    const { view } = coordinator;
    const only = query.agent === undefined ? null : agentAccount(agentIdOf(view, by.space, query.agent) ?? noAgent);
    const rows: BudgetRow[] = [];
    for (const account of allAccounts(view))
      if (only === null || account.id === only)
        rows.push({ of: account.of, name: account.name, budget: viewOf(view, account) });
    return rows.sort((a, b) => shareUsed(b.budget) - shareUsed(a.budget) || compareText(a.name, b.name));
  },
  branches({ context: { coordinator }, query, by }) {
    const { view } = coordinator;
    const only = query.agent === undefined ? null : agentIdEver(view, by.space, query.agent);
    const rows: BranchView[] = [];
    for (const row of view.branches.values()) {
      if (row.merged || (only !== null && row.agent !== only)) continue;
      const agent = agentNameOf(view, row.agent);
      const { id, node, epoch, fromSeq, uptoSeq, complete, mergedUpto = null, receivedMs } = row;
      rows.push({ id, agent, node, epoch, fromSeq, uptoSeq, complete, mergedUpto, receivedMs });
    }
    return rows.sort((a, b) => a.receivedMs - b.receivedMs);
  },
} satisfies Partial<Handlers>;
