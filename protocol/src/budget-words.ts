// Budgets in words, the same in errors, in the terminal and in the console. No validator is imported, so that a browser need not load one.
import type { Budget, BudgetView } from './budget.ts';
import { counted } from './quantity-words.ts';

/** `$10`, `$0.25`, `$0.0012`: with cents, and with more digits where cents would hide the amount. */
export function usdInWords(usd: number): string {
  if (Number.isInteger(usd)) return `$${usd.toLocaleString('en-US')}`;
  if (usd >= 0.1) return `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  return usd < 1e-6 ? 'less than $0.000001' : `$${Number(usd.toPrecision(2)).toFixed(6).replace(/0+$/, '')}`;
}

const perWords: Record<Budget['per'], string> = { day: 'a day', month: 'a month', total: 'in all' };
type Limits = { tokens?: number | null; usd?: number | null; per: Budget['per'] };
/** `$10 and 100,000 tokens a month`. */
export function budgetInWords({ tokens, usd, per }: Limits): string {
  const parts = [
    ...(usd === undefined || usd === null ? [] : [usd === 0 ? 'no money' : usdInWords(usd)]),
    ...(tokens === undefined || tokens === null ? [] : [counted(tokens, 'token')]),
  ];
  return `${parts.join(' and ')} ${perWords[per]}`;
}

/** `$3.20 of $10 used, $0.10 reserved`; one phrase for each limit, none for a limit of no money. */
export function budgetUseInWords(budget: BudgetView): string[] {
  const { tokens, usd, usedTokens, usedUsd, reservedTokens, reservedUsd } = budget;
  const phrase = (used: string, limit: string, reserved: string | null) =>
    `${used} of ${limit} used${reserved === null ? '' : `, ${reserved} reserved`}`;
  const count = (value: number) => value.toLocaleString('en-US');
  return [
    ...(usd === null || usd === 0
      ? []
      : [phrase(usdInWords(usedUsd), usdInWords(usd), reservedUsd > 0 ? usdInWords(reservedUsd) : null)]),
    ...(tokens === null
      ? []
      : [phrase(count(usedTokens), counted(tokens, 'token'), reservedTokens > 0 ? count(reservedTokens) : null)]),
  ];
}
export function renewedInWords({ renewed }: Pick<BudgetView, 'renewed'>): string {
  return renewed === null ? 'never renewed' : `renewed on ${renewed}`;
}

/** The share of the limit that is nearest to its end, from 0 on; more than 1 where it is overrun. */
export function shareUsed({ tokens, usd, usedTokens, usedUsd }: BudgetView): number {
  return Math.max(usd ? usedUsd / usd : 0, tokens ? usedTokens / tokens : 0);
}
/** All of it in one line: `$3.20 of $10 used, $0.10 reserved; renewed on 1 December`. */
export function budgetLine(budget: BudgetView): string {
  const used = budgetUseInWords(budget);
  return used.length === 0 ? 'may spend no money' : [...used, renewedInWords(budget)].join('; ');
}
