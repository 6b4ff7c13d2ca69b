// What becomes of budgets within a decision: work reserves the most that it may use, and what it really used is counted at its end. Both
// are stored with the decision they belong to, so a crash loses none of it. In: a draft. Out: its changes, and the events of a budget that
// comes to its end. Pure.
import { type Budget, budgetUseInWords, shareUsed } from '@blackroad/protocol';
import { agentOfAccount } from '../state/account.ts';
import type { ReservationRow, SpendingRow } from '../state/budget-rows.ts';
import { change, type Draft, noteEvent } from '../state/draft.ts';
import { release, reserve } from '../state/reservations.ts';
import { accountOf, booksOf, viewOf } from './books.ts';
import { periodAt } from './period.ts';

interface Used {
  tokens: number;
  usd: number;
}
/** From this share on a person is told. */
export const lowShare = 0.8;

export function putSpending(draft: Draft, row: SpendingRow): void {
  draft.spending.set(row.account, row);
  change(draft, { type: 'spending', row });
}

/** A budget was set, changed or removed. A limit that changes keeps what is used; another period begins a new count. */
export function budgetChanged(draft: Draft, account: string, budget: Budget | undefined, timeZone: string): void {
  const before = draft.spending.get(account);
  if (!budget) {
    if (!before) return;
    draft.spending.delete(account);
    change(draft, { type: 'spending-gone', account });
  } else if (before?.per !== budget.per) {
    putSpending(draft, { account, ...periodAt(budget.per, draft.nowMs, timeZone), tokens: 0, usd: 0 });
  }
}

/** `isKept`: it is stored, so that a crash does not forget what may have been spent. */
export function putReservation(draft: Draft, row: ReservationRow, isKept: boolean): void {
  reserve(draft, row);
  change(draft, { type: isKept ? 'reservation' : 'reservation-free', row });
}
/** Counts what was used and releases the rest. A reservation that is gone was settled before. */
export function settle(draft: Draft, id: string, used: Used): void {
  const row = draft.reservations.get(id);
  if (!row) return;
  release(draft, id);
  change(draft, { type: 'reservation-gone', id });
  for (const account of row.accounts) spend(draft, account, used);
}
/**
 * Settles work whose use nobody knows: its node was lost, or the coordinator crashed. Where it costs money all that was reserved is taken
 * for used, so that no budget is overspent; where it is free, nothing.
 */
export function settleUnknown(draft: Draft, id: string): void {
  const row = draft.reservations.get(id);
  if (row) settle(draft, id, row.usd > 0 ? row : { tokens: 0, usd: 0 });
}

export function spend(draft: Draft, account: string, { tokens, usd }: Used): void {
  const before = draft.spending.get(account);
  if (!before || (tokens === 0 && usd === 0)) return;
  const share = shareOf(draft, account);
  putSpending(draft, { ...before, tokens: before.tokens + tokens, usd: before.usd + usd });
  noteMark(draft, account, share);
}
function shareOf(draft: Draft, id: string): number {
  const books = booksOf(draft);
  const account = accountOf(books, id);
  return account ? shareUsed(viewOf(books, account)) : 0;
}
function noteMark(draft: Draft, id: string, before: number): void {
  const books = booksOf(draft);
  const account = accountOf(books, id);
  if (!account) return;
  const view = viewOf(books, account);
  const share = shareUsed(view);
  const agent = agentOfAccount(id);
  const { of, name } = account;
  const params = { of, name, words: budgetUseInWords(view).join('; '), ...(agent === null ? {} : { agent }) };
  if (before < 1 && share >= 1) noteEvent(draft, 'budget-used-up', params);
  else if (before < lowShare && share >= lowShare) noteEvent(draft, 'budget-low', params);
}
