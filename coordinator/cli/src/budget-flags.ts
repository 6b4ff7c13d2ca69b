// A budget as it is typed: `--usd 10 --tokens 1000000 --per month`.
import { type Budget, budgetPeriods, listInWords } from '@blackroad/protocol';
import { type Flag, numberFlag, textFlag, type VerbCall, wrongUse } from './verb.ts';

export const budgetFlags = {
  usd: {
    type: 'string',
    value: '<dollars>',
    text: 'It may spend so many US dollars on nodes that cost money; without it none.',
  },
  tokens: { type: 'string', value: '<count>', text: 'It may use so many tokens, prompts and answers together.' },
  per: {
    type: 'string',
    value: '<period>',
    values: budgetPeriods,
    text: `For ${listInWords(budgetPeriods, 'or')}; month by default.`,
  },
} as const satisfies Record<string, Flag>;

/** Undefined: none was typed. */
export function budgetFlag(call: VerbCall): Budget | undefined {
  const usd = numberFlag(call, 'usd');
  const tokens = numberFlag(call, 'tokens');
  const per = textFlag(call, 'per') as Budget['per'] | undefined;
  if (usd === undefined && tokens === undefined) {
    if (per !== undefined) throw wrongUse(`--per ${per}: how much? Add --usd <dollars>, --tokens <count>, or both.`);
    return undefined;
  }
  return {
    ...(usd === undefined ? {} : { usd }),
    ...(tokens === undefined ? {} : { tokens }),
    per: per ?? 'month',
  };
}
