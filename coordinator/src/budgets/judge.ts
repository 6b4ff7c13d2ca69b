// Budgets at each tick and at a start: periods that are over begin anew, and an agent whose budget stops its work loses its triggers on its
// node, which would fire there without asking. Pure.
import { openDeltas, placeDelta, sendDeltas } from '../fleet/assignment.ts';
import { agentOfAccount } from '../state/account.ts';
import type { SpendingRow } from '../state/budget-rows.ts';
import type { Draft } from '../state/draft.ts';
import type { Policy } from '../state/input.ts';
import { booksOf, isUsedUp } from './books.ts';
import { putSpending, settleUnknown } from './ledger.ts';
import { periodAt } from './period.ts';
import { costsMoney } from './price.ts';

export function judgeBudgets(draft: Draft, { timeZone }: Pick<Policy, 'timeZone'>): void {
  for (const row of draft.view.spending.values()) {
    if (row.untilMs === null || draft.nowMs < row.untilMs) continue;
    putSpending(draft, { ...row, ...periodAt(row.per, draft.nowMs, timeZone), tokens: 0, usd: 0 });
  }
  const deltas = openDeltas();
  for (const account of draft.view.spending.keys()) {
    const row = draft.spending.get(account);
    const agent = draft.agents.get(agentOfAccount(account) ?? '');
    if (!row || !agent?.placement || agent.spec.triggers.length === 0) continue;
    const stopped = isStopped(draft, row, agent.placement);
    if (stopped === (row.stopped ?? false)) continue;
    const { stopped: _, ...rest } = row;
    putSpending(draft, stopped ? { ...rest, stopped } : rest);
    placeDelta(draft, deltas, agent);
  }
  sendDeltas(draft, deltas);
}
function isStopped(draft: Draft, { account }: SpendingRow, { node, model }: { node: string; model: string }): boolean {
  return isUsedUp(booksOf(draft), account, costsMoney(draft, node, model));
}

/** Requests of the gateway do not outlive the coordinator, and what became of them nobody knows; a task goes on on its node. */
export function settleLeftOver(draft: Draft): void {
  for (const { id, attempt } of draft.view.reservations.values())
    if (attempt === undefined || !draft.tasks.get(id)) settleUnknown(draft, id);
}
