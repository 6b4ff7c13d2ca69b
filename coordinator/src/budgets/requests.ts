// Budgets of requests to models: reserved before a request goes to a node, settled at its end. The decisions come one after the other, so
// two requests never take the same rest of a budget. Pure.
import { keyAccount } from '../state/account.ts';
import type { Decision } from '../state/decision.ts';
import { decided, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import { accountOf, type Books, problemOf, type Stop, stopOf } from './books.ts';
import { putReservation, settle } from './ledger.ts';

/** Why a key must not pay now; null: it may. A key without a budget of money never may. */
export function payStop(books: Books, key: string | null): Stop | null {
  const account = key === null ? null : accountOf(books, keyAccount(key));
  if (account?.budget.usd !== undefined) return stopOf(books, account.id, true);
  const name = books.keys.get(key ?? '')?.name;
  const text = `${name === undefined ? 'who asks' : `the key ${name}`} has no budget of money`;
  return { text, why: 'no-money', renewsMs: null };
}
export function refuseStop<A>(stop: Stop): Decision<A> {
  return { changes: [], messages: [], outcome: { ok: false, ...problemOf(stop) } };
}

export const reserveForRequest: Decide<'budget-reserve'> = (view, { id, key, tokens, usd, costs }, nowMs) => {
  const account = keyAccount(key);
  const stop = costs ? payStop(view, key) : stopOf(view, account, false);
  if (stop) return refuseStop(stop);
  const draft = openDraft(view, nowMs);
  if (accountOf(view, account)) putReservation(draft, { id, accounts: [account], tokens, usd }, usd > 0);
  return decided(draft);
};

export const settleRequest: Decide<'budget-settle'> = (view, { id, tokens, usd }, nowMs) => {
  const draft = openDraft(view, nowMs);
  settle(draft, id, { tokens, usd });
  return decided(draft);
};
