// A budget: how many tokens and how much money a key or an agent may use in a period, and how much of it is used.
import { TimeMs } from './ids.ts';
import { maxBudgetUsd } from './limits.ts';
import { type Static, Type } from './typebox.ts';

export const budgetPeriods = ['day', 'month', 'total'] as const;
export const Budget = Type.Object(
  {
    tokens: Type.Optional(Type.Integer({ minimum: 1, description: 'Of prompts and answers together.' })),
    usd: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: maxBudgetUsd,
        description: 'US dollars for nodes that cost money; 0: nothing may be paid.',
      }),
    ),
    per: Type.OneOf(budgetPeriods, {
      default: 'month',
      description: "A day or a calendar month in the fleet's time zone; total: never renewed.",
    }),
  },
  { additionalProperties: false, description: 'A limit of tokens, of money, or of both.' },
);
export type Budget = Static<typeof Budget>;

/** A budget with what is used of it. */
export const BudgetView = Type.Object({
  tokens: Type.Nullable(Type.Integer(), { description: 'The limit; null: none.' }),
  usd: Type.Nullable(Type.Number(), { description: 'The limit in US dollars; null: none.' }),
  per: Type.OneOf(budgetPeriods),
  usedTokens: Type.Integer({
    description: 'In this period, since the budget was set; counted with a limit of tokens.',
  }),
  usedUsd: Type.Number({ description: 'In this period, since the budget was set.' }),
  reservedTokens: Type.Integer({ description: 'For what is under way, at most.' }),
  reservedUsd: Type.Number({ description: 'For what is under way, at most.' }),
  period: Type.String({ description: 'In words: `November`, `29 November`; empty: it has no end.' }),
  renewed: Type.Nullable(Type.String(), { description: 'The day of the next period in words; null: never.' }),
  renewsMs: Type.Nullable(TimeMs),
});
export type BudgetView = Static<typeof BudgetView>;

export const BudgetRow = Type.Object({
  of: Type.OneOf(['key', 'agent']),
  name: Type.String({ description: 'Of the key or agent.' }),
  budget: BudgetView,
});
export type BudgetRow = Static<typeof BudgetRow>;

/** What a key may use, for itself to read. */
export const OwnLimits = Type.Object({
  budget: Type.Nullable(BudgetView, { description: 'null: no limit of tokens, and no money to spend.' }),
  requestsPerMinute: Type.Integer({ description: 'The most requests of the key in a minute, over HTTP and MQTT.' }),
  requestsLeft: Type.Integer({ description: 'Of this minute.' }),
  resetMs: Type.Integer({ minimum: 0, description: 'Milliseconds until the next minute begins.' }),
  requestsAtOnce: Type.Integer({ description: 'The most requests to models and agents that may be under way.' }),
});
export type OwnLimits = Static<typeof OwnLimits>;
