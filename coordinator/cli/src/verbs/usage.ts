// Verbs for what is used, and for the budgets that limit it.
import {
  type BudgetRow,
  budgetInWords,
  budgetLine,
  type KeyView,
  notFoundText,
  shareUsed,
  type Usage,
  usdInWords,
} from '@blackroad/protocol';
import { budgetFlag, budgetFlags } from '../budget-flags.ts';
import { argument, numberFlag, textFlag, type Verb, type VerbCall, wrongUse } from '../verb.ts';
import { duration, table } from '../words.ts';

const dayMs = 86_400_000;
const kinds = ['agent', 'model', 'node', 'key', 'day'] as const;
type Kind = (typeof kinds)[number];
const barCells = 10;

export const usageVerbs: Verb[] = [
  {
    words: 'usage',
    args: '',
    text: 'Tasks, tokens and cost of the last days, and how much of each budget is used.',
    flags: {
      by: {
        type: 'string',
        value: '<what>',
        values: kinds,
        text: 'Split by agent, model, node, key or day; agent by default.',
      },
      days: { type: 'string', value: '<count>', text: 'How many days, today included; 30 by default.' },
    },
    async run(call) {
      const by = (textFlag(call, 'by') ?? 'agent') as Kind;
      const days = numberFlag(call, 'days') ?? 30;
      if (!Number.isInteger(days) || days < 1) throw wrongUse(`--days: expected a number from 1 on, got ${days}.`);
      const from = new Date(call.clock.nowMs() - (days - 1) * dayMs).toISOString().slice(0, 10);
      const [usage, budgets] = await Promise.all([
        call.client().call('usage', { query: { by, from } }),
        call.client().call('budgets'),
      ]);
      call.show({ usage, budgets }, () => screen(usage, budgets, call));
    },
  },
  {
    words: 'keys limits',
    args: '',
    text: 'What the key that you use may still use and ask: its budget, its requests in a minute and at once.',
    run: ownLimits,
  },
  {
    words: 'keys budget',
    args: '<key>',
    text: 'Sets how much an API key may use and spend, by its id or name. What is used stays counted, unless the period changes.',
    flags: { ...budgetFlags, none: { type: 'boolean', text: 'Removes its budget: no limit of tokens, and no money.' } },
    async run(call) {
      const budget = budgetFlag(call);
      if ((budget === undefined) !== (call.flags.none === true))
        throw wrongUse('expected --usd, --tokens or both, or --none alone.');
      const { id } = await keyNamed(call, argument(call, 0, '<key>'));
      const client = call.client();
      const key = budget
        ? await client.call('keyBudget', { params: { id }, body: budget })
        : await client.call('keyBudgetRemove', { params: { id } });
      call.show(key, () =>
        key.budget
          ? `${key.name} may use ${budgetInWords(key.budget)}: ${budgetLine(key.budget)}.`
          : `${key.name} has no budget: its tokens are not limited, and it spends no money.`,
      );
    },
  },
];

async function ownLimits(call: VerbCall): Promise<void> {
  const limits = await call.client().call('ownLimits');
  const { budget, requestsPerMinute, requestsLeft, resetMs, requestsAtOnce } = limits;
  const count = (value: number) => value.toLocaleString('en-US');
  call.show(limits, () =>
    [
      `budget    ${budget ? `${budgetInWords(budget)}: ${budgetLine(budget)}` : 'none: tokens are not limited, and it spends no money'}`,
      `requests  ${count(requestsLeft)} of ${count(requestsPerMinute)} left in this minute, which ends in ${duration(resetMs)}`,
      `at once   ${count(requestsAtOnce)} to models and agents`,
    ].join('\n'),
  );
}

async function keyNamed(call: VerbCall, typed: string): Promise<KeyView> {
  const keys = (await call.client().call('keys')).filter(({ revoked }) => !revoked);
  const found = keys.find(({ id, name }) => id === typed || name === typed);
  if (found) return found;
  throw wrongUse(
    `<key>: ${notFoundText(
      'key',
      typed,
      keys.map(({ name }) => name),
    )}`,
  );
}

function screen(usage: Usage, budgets: readonly BudgetRow[], { columns, paint }: VerbCall): string {
  const { total, by, from, to } = usage;
  const money = (usd: number) => (usd > 0 ? usdInWords(usd) : 'free');
  const count = (value: number) => value.toLocaleString('en-US');
  const rows = usage.rows.map((row) => [
    row.key === '' ? '-' : row.key,
    count(row.tasks),
    count(row.failed),
    count(row.promptTokens),
    count(row.completionTokens),
    money(row.costUsd),
  ]);
  const head = [by.toUpperCase(), 'TASKS', 'FAILED', 'PROMPT TOKENS', 'ANSWER TOKENS', 'COST'];
  const lines = [
    `${from} to ${to} (UTC): ${count(total.tasks)} tasks and requests, ${count(total.promptTokens + total.completionTokens)} tokens, ${money(total.costUsd)}`,
  ];
  if (rows.length > 0) lines.push('', table(head, rows, columns, paint, ['FAILED', 'PROMPT TOKENS']));
  if (budgets.length > 0) {
    const cells = budgets.map(({ of, name, budget }) => [
      `${of} ${name}`,
      barOf(shareUsed(budget)),
      budgetLine(budget),
    ]);
    lines.push('', table(['BUDGET OF', 'USED', 'HOW MUCH'], cells, columns, paint));
  }
  return lines.join('\n');
}
/** `[###.......] 32 %`. */
function barOf(share: number): string {
  const full = Math.min(barCells, Math.floor(share * barCells));
  return `[${'#'.repeat(full)}${'.'.repeat(barCells - full)}] ${Math.floor(share * 100)} %`;
}
