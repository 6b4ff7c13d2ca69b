// What is left of a budget. In: keys and agents with their budgets, what they used, what is reserved. Out: why something must not begin
// now, in words, and the budget as people see it. A budget lets in while anything of it is neither used nor reserved: so the last one that
// it lets in may overrun it, by no more than was reserved for that one. Pure.
import {
  type Budget,
  type BudgetView,
  budgetUseInWords,
  counted,
  type ProblemCode,
  renewedInWords,
  usdInWords,
} from '@blackroad/protocol';
import { agentOfAccount, keyOfAccount } from '../state/account.ts';
import type { ReservationRow, SpendingRow } from '../state/budget-rows.ts';
import type { Draft } from '../state/draft.ts';
import type { AgentRow, KeyRow } from '../state/rows.ts';

/** A view, or the parts of a draft. */
export interface Books {
  readonly keys: ReadonlyMap<string, KeyRow>;
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly spending: ReadonlyMap<string, SpendingRow>;
  readonly reservations: ReadonlyMap<string, ReservationRow>;
  readonly reservedBy: ReadonlyMap<string, ReadonlySet<string>>;
}
export function booksOf({ view, agents, spending, reservations, reservedBy }: Draft): Books {
  return { keys: view.keys, agents, spending, reservations, reservedBy };
}

interface Account {
  id: string;
  of: 'key' | 'agent';
  name: string;
  budget: Budget;
  spending: SpendingRow;
}
/** Null: it has no budget. */
export function accountOf({ keys, agents, spending }: Books, id: string): Account | null {
  const row = spending.get(id);
  const agent = agents.get(agentOfAccount(id) ?? '');
  const key = keys.get(keyOfAccount(id) ?? '');
  const budget = agent?.spec.budget ?? key?.budget;
  if (!row || !budget) return null;
  const name = agent?.spec.name ?? (key as KeyRow).name;
  return { id, of: agent ? 'agent' : 'key', name, budget, spending: row };
}

interface Reserved {
  tokens: number;
  usd: number;
  count: number;
}
function reservedOf({ reservations, reservedBy }: Books, id: string): Reserved {
  const sum = { tokens: 0, usd: 0, count: 0 };
  for (const each of reservedBy.get(id) ?? []) {
    const row = reservations.get(each);
    if (!row) continue;
    sum.tokens += row.tokens;
    sum.usd += row.usd;
    sum.count++;
  }
  return sum;
}

/** Why something must not begin. */
export interface Stop {
  /** A clause: `the budget of the key guest for November is used up: $10.02 of $10 used; renewed on 1 December`. */
  text: string;
  /** `reserved`: it passes by itself, soon. */
  why: 'used-up' | 'reserved' | 'no-money';
  /** Null: it is not renewed, or need not be. */
  renewsMs: number | null;
}
const stopCodes: Record<Stop['why'], ProblemCode> = {
  'used-up': 'budget-used-up',
  'no-money': 'not-allowed',
  reserved: 'rate-limited',
};
/** What is under way ends within seconds. */
const reservedRetryS = 2;
/** The problem that its asker gets; `detail`: other words than those of the stop as a sentence. */
export function problemOf({ text, why }: Stop, detail = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`) {
  const details = { detail, ...(why === 'reserved' ? { retryAfterSeconds: reservedRetryS } : {}) };
  return { code: stopCodes[why], details };
}

/** `costs`: it costs money; otherwise only a limit of tokens counts. Null: it may begin. */
export function stopOf(books: Books, id: string, costs: boolean): Stop | null {
  const account = accountOf(books, id);
  if (!account) return null;
  const { of, name, budget, spending } = account;
  const { untilMs, period } = spending;
  const whose = `the budget of the ${of} ${name}${period === '' ? '' : ` for ${period}`}`;
  const { tokens, usd } = budget;
  if (costs && usd === 0) return { text: `the ${of} ${name} may spend no money`, why: 'no-money', renewsMs: null };
  const isUsedUp = isOver(tokens, spending.tokens) || (costs && isOver(usd, spending.usd));
  if (isUsedUp) {
    const view = viewOf(books, account);
    const text = `${whose} is used up: ${budgetUseInWords(view).join('; ')}; ${renewedInWords(view)}`;
    return { text, why: 'used-up', renewsMs: untilMs };
  }
  const reserved = reservedOf(books, id);
  if (!isOver(tokens, spending.tokens + reserved.tokens) && !(costs && isOver(usd, spending.usd + reserved.usd)))
    return null;
  const rest = costs && isOver(usd, spending.usd + reserved.usd) ? usdInWords((usd ?? 0) - spending.usd) : 'the rest';
  const text = `${rest} of ${whose} is reserved for ${counted(reserved.count, 'request or task', 'requests and tasks')} under way`;
  return { text, why: 'reserved', renewsMs: null };
}
const isOver = (limit: number | undefined, used: number) => limit !== undefined && used >= limit;

/** Whether all of it is used, as far as it limits what costs money or what does not. */
export function isUsedUp(books: Books, id: string, costs: boolean): boolean {
  const account = accountOf(books, id);
  if (!account) return false;
  const { budget, spending } = account;
  return isOver(budget.tokens, spending.tokens) || (costs && isOver(budget.usd, spending.usd));
}

/** The budget of an account as people see it; null: it has none. */
export function budgetOf(books: Books, id: string): BudgetView | null {
  const account = accountOf(books, id);
  return account && viewOf(books, account);
}
export function viewOf(books: Books, { id, budget, spending }: Account): BudgetView {
  const reserved = reservedOf(books, id);
  return {
    tokens: budget.tokens ?? null,
    usd: budget.usd ?? null,
    per: budget.per,
    usedTokens: spending.tokens,
    usedUsd: spending.usd,
    reservedTokens: reserved.tokens,
    reservedUsd: reserved.usd,
    period: spending.period,
    renewed: spending.renewed,
    renewsMs: spending.untilMs,
  };
}

/** Every budget that is in force, of a key or an agent. */
export function* allAccounts(view: Books): Generator<Account> {
  for (const id of view.spending.keys()) {
    const account = accountOf(view, id);
    if (account && view.keys.get(keyOfAccount(id) ?? '')?.revoked !== true) yield account;
  }
}
