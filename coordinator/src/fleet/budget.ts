// The number of durable rows that the messages of one node may make: without a limit, one faulty node would displace the events of all
// others and fill the disk. In: the remaining budget of a node, and the rows to write. Out: whether they are written, the remaining budget,
// and the one event that reports a refusal. A budget grows back with time. Perishable: after a restart every node begins with a full one.
// Rows that the coordinator writes about a node by itself (a loss, a move, an action of a person) do not count. Pure.
import type { EventType } from '@blackroad/protocol';
import type { Change } from '../state/change.ts';
import { change, type Draft, remark } from '../state/draft.ts';
import { eventRow } from '../state/event-row.ts';
import type { Budget, BudgetName, Spent } from '../state/rows.ts';
import { agentNameOf, type View } from '../state/view.ts';

export const overBudget = 'over-budget';

/** The budget of a node now. */
export function leftOf(spent: Spent | undefined, { burst, perMinute }: Budget, nowMs: number): Spent {
  if (!spent) return { left: burst, atMs: nowMs, refused: 0 };
  // A clock that was set back makes this difference negative.
  const grownMs = Math.max(0, nowMs - spent.atMs);
  const left = Math.min(burst, spent.left + (grownMs * perMinute) / 60_000);
  return { left, atMs: nowMs, refused: left >= burst ? 0 : spent.refused };
}

/**
 * Subtracts rows from a node's budget. A message is accepted completely or not at all: one with more rows than remain makes the budget
 * negative.
 */
function spend(
  view: View,
  node: string,
  of: BudgetName,
  rows: number,
  nowMs: number,
  before: Spent | undefined = view.live.get(node)?.spent?.[of],
): { isTaken: boolean; spent: Spent; said: Change[] } {
  const has = leftOf(before, view.cuts.budgets[of], nowMs);
  if (has.left >= 1) return { isTaken: true, spent: { ...has, left: has.left - rows }, said: [] };
  const said: Change[] = has.refused === 0 ? [wordOf(view, node, of, nowMs)] : [];
  return { isTaken: false, spent: { ...has, refused: has.refused + rows }, said };
}

/** The event that reports an exhausted budget. It is written once until the budget was full again; the node's page shows the count. */
function wordOf(view: View, node: string, of: BudgetName, nowMs: number): Change {
  const { burst, perMinute } = view.cuts.budgets[of];
  const type = of === 'events' ? overBudget : 'records-delayed';
  return { type: 'event', row: eventRow(nowMs, type, { node, burst, perMinute }, (id) => agentNameOf(view, id)) };
}

/** Whether this many rows are accepted now. The node keeps refused rows and sends them again. */
export function takesRecords(draft: Draft, node: string, rows: number): boolean {
  const { isTaken, spent, said } = spend(draft.view, node, 'records', rows, draft.nowMs);
  for (const each of said) change(draft, each);
  change(draft, { type: 'spent', node, of: 'records', spent });
  if (!isTaken) remark(draft, overBudget, `${node}: ${rows} rows are not taken yet`);
  return isTaken;
}

/** Events about actions of the coordinator on a node: rare, and always kept. */
const alwaysKept: ReadonlySet<EventType> = new Set(['node-quarantined', 'node-lost', overBudget, 'records-delayed']);

/** The changes of a decision about a node's message, without the events that exceed the budget of the node. */
export function withinBudget(
  view: View,
  node: string,
  changes: Change[],
  nowMs: number,
): { changes: Change[]; dropped: number } {
  let spent: Spent | undefined = view.live.get(node)?.spent?.events;
  let dropped = 0;
  const kept = changes.flatMap((change): Change[] => {
    if (change.type !== 'event' || change.row.node !== node || alwaysKept.has(change.row.type)) return [change];
    const outcome = spend(view, node, 'events', 1, nowMs, spent);
    spent = outcome.spent;
    if (outcome.isTaken) return [change];
    dropped++;
    return outcome.said;
  });
  const isSame = spent === view.live.get(node)?.spent?.events;
  return {
    changes: isSame ? changes : [...kept, { type: 'spent', node, of: 'events', spent: spent as Spent }],
    dropped,
  };
}
