// How many durable rows the messages of one node may make, or one node gone mad pushes everybody else's out of sight and fills the disk.
// In: what a node has left, and what is to be written. Out: whether it is, what is left then, and the one event that says so.
// A budget fills again with time. Perishable: after a restart every node begins with a full one. What the coordinator writes about a
// node by itself (a loss, a move, a person's word) is never counted here. Pure.
import type { EventType } from '@blackroad/protocol';
import type { Change } from '../state/change.ts';
import { change, type Draft, remark } from '../state/draft.ts';
import { eventRow } from '../state/event-row.ts';
import type { Budget, BudgetName, Spent } from '../state/rows.ts';
import { agentNameOf, type View } from '../state/view.ts';

export const overBudget = 'over-budget';

/** What a node has now. */
export function leftOf(spent: Spent | undefined, { burst, perMinute }: Budget, nowMs: number): Spent {
  if (!spent) return { left: burst, atMs: nowMs, refused: 0 };
  // The clock may have been set back.
  const grownMs = Math.max(0, nowMs - spent.atMs);
  const left = Math.min(burst, spent.left + (grownMs * perMinute) / 60_000);
  return { left, atMs: nowMs, refused: left >= burst ? 0 : spent.refused };
}

/** Takes rows off what a node has. A message is taken whole or not at all: one that carries more than is left makes a debt. */
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

/** Said once, until the budget was full again; the node's page counts. */
function wordOf(view: View, node: string, of: BudgetName, nowMs: number): Change {
  const { burst, perMinute } = view.cuts.budgets[of];
  const type = of === 'events' ? overBudget : 'records-delayed';
  return { type: 'event', row: eventRow(nowMs, type, { node, burst, perMinute }, (id) => agentNameOf(view, id)) };
}

/** Whether so many rows that the node keeps until they are taken are taken now. */
export function takesRecords(draft: Draft, node: string, rows: number): boolean {
  const { isTaken, spent, said } = spend(draft.view, node, 'records', rows, draft.nowMs);
  for (const each of said) change(draft, each);
  change(draft, { type: 'spent', node, of: 'records', spent });
  if (!isTaken) remark(draft, overBudget, `${node}: ${rows} rows are not taken yet`);
  return isTaken;
}

/** Events that say what the coordinator did to a node: rare, and never left out. */
const alwaysKept: ReadonlySet<EventType> = new Set(['node-quarantined', 'node-lost', overBudget, 'records-delayed']);

/** What a decision about a node's message writes, without the events for which its node has nothing left. */
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
