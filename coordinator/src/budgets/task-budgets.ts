// Budgets of tasks: a task counts for its agent and for the key that asked. It reserves when it is leased, because its node and the price
// there are known then. The key gives no leave to pay: whether an agent may pay is said by its spec. In: tasks and their leases. Out: why a
// task must wait, and changes of the books. Pure.
import type { TaskUsage } from '@blackroad/protocol';
import { agentAccount, keyAccount } from '../state/account.ts';
import type { Draft } from '../state/draft.ts';
import type { AgentRow, EndedTask, Placement, TaskRow } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { accountOf, type Books, booksOf, type Stop, stopOf } from './books.ts';
import { putReservation, settle, settleUnknown, spend } from './ledger.ts';
import { costOfAnswer, costsMoney, namesPrice } from './price.ts';

type Whose = Pick<TaskRow, 'agent' | 'by'>;
/** Those that have a budget. */
function accountsOf(books: Books, { agent, by }: Whose): string[] {
  const accounts = [agentAccount(agent)];
  if (by && by.id !== null && (by.kind === 'key' || by.kind === 'session')) accounts.push(keyAccount(by.id));
  return accounts.filter((id) => accountOf(books, id) !== null);
}

/** Why a task must not begin at this place, or at any where it has none; null: it may. */
export function taskStop(
  view: Pick<View, 'nodes' | 'live'>,
  books: Books,
  task: Whose,
  placement: Pick<Placement, 'node' | 'model'> | null,
): Stop | null {
  const accounts = accountsOf(books, task);
  if (accounts.length === 0) return null;
  const costs = placement !== null && costsMoney(view, placement.node, placement.model);
  for (const account of accounts) {
    const stop = stopOf(books, account, costs);
    if (stop) return stop;
    if (
      costs &&
      accountOf(books, account)?.budget.usd !== undefined &&
      !namesPrice(view, placement.node, placement.model)
    )
      return unpriced(view, placement);
  }
  return null;
}

/** Work waits for a node that has not told its prices since the coordinator started. */
function unpriced({ live }: Pick<View, 'live'>, { node, model }: Pick<Placement, 'node' | 'model'>): Stop {
  if (!live.get(node)?.capacity)
    return { text: `the node ${node} has not told its prices yet`, why: 'reserved', renewsMs: null };
  const text = `the node ${node} costs money and names no price for ${model}, so a budget of money cannot be kept`;
  return { text, why: 'no-money', renewsMs: null };
}

/** Sets aside the most that an attempt may use. Under the attempt that the node held all the time nothing changes. */
export function reserveForTask(draft: Draft, task: TaskRow, placement: Placement, attempt: number): void {
  const before = draft.reservations.get(task.id);
  if (before?.attempt === attempt) return;
  if (before) settleUnknown(draft, task.id);
  const accounts = accountsOf(booksOf(draft), task);
  const row = draft.agents.get(task.agent);
  if (accounts.length === 0 || !row) return;
  const most = mostOf(row);
  const usd = costOfAnswer(draft.live.get(placement.node)?.capacity, { model: placement.model, ...most });
  const tokens = most.promptTokens + most.completionTokens;
  putReservation(draft, { id: task.id, accounts, tokens, usd, attempt }, true);
}
/** Each call of the model reads at most the context and writes at most so many tokens. */
function mostOf({ spec: { limits, tools } }: AgentRow) {
  const calls = tools.length > 0 ? limits.toolRounds + 1 : 1;
  return { promptTokens: calls * limits.contextTokens, completionTokens: calls * limits.maxTokens };
}

/** An attempt ended by the word of its node; null: it used nothing, or did not say what. */
export function settleAttempt(draft: Draft, task: TaskRow, usage: TaskUsage | null): void {
  settle(draft, task.id, usedBy(draft, task, usage));
}
/** A task ended. `usage` undefined: without a word of its node. One that its node began by itself had no reservation. */
export function settleEnd(draft: Draft, task: TaskRow | EndedTask, usage: TaskUsage | null | undefined): void {
  if (usage === undefined) settleUnknown(draft, task.id);
  else if (draft.reservations.get(task.id)) settleAttempt(draft, task, usage);
  else {
    const used = usedBy(draft, task, usage);
    for (const account of accountsOf(booksOf(draft), task)) spend(draft, account, used);
  }
}
function usedBy(draft: Draft, { id, node }: TaskRow, usage: TaskUsage | null) {
  if (!usage) return { tokens: 0, usd: 0 };
  const capacity = draft.live.get(node ?? '')?.capacity;
  // Its node has not told its prices since the coordinator started.
  const usd = capacity ? costOfAnswer(capacity, usage) : (draft.reservations.get(id)?.usd ?? 0);
  return { tokens: usage.promptTokens + usage.completionTokens, usd };
}
