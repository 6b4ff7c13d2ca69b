// A budget at a glance: how much of it is left, what is set aside for work under way, and when it begins anew; and the fields that set one.
import type { Budget, BudgetView } from '@blackroad/protocol';
import { renewedInWords, usdInWords } from '@blackroad/protocol/budget-words';
import { SelectField, TextField } from '../kit/field.tsx';
import { Meter } from '../kit/layout.tsx';
import { count } from '../kit/words.ts';

const lowShare = 0.8;
function toneOf(share: number) {
  return share >= 1 ? 'bad' : share >= lowShare ? 'warn' : 'good';
}

export function BudgetMeters({ budget }: { budget: BudgetView }) {
  const { usd, usedUsd, reservedUsd, tokens, usedTokens, reservedTokens } = budget;
  const left = (limit: number, used: number, words: (value: number) => string) =>
    `${words(Math.max(0, limit - used))} of ${words(limit)} left`;
  const reserved = [
    ...(reservedUsd > 0 && usd ? [usdInWords(reservedUsd)] : []),
    ...(reservedTokens > 0 && tokens ? [`${count(reservedTokens)} tokens`] : []),
  ];
  return (
    <div className="budget">
      {usd === 0 && <span>may spend no money</span>}
      {usd !== null && usd > 0 && (
        <Meter
          label="Money"
          value={usedUsd}
          max={usd}
          text={left(usd, usedUsd, usdInWords)}
          tone={toneOf(usedUsd / usd)}
        />
      )}
      {tokens !== null && (
        <Meter
          label="Tokens"
          value={usedTokens}
          max={tokens}
          text={left(tokens, usedTokens, count)}
          tone={toneOf(usedTokens / tokens)}
        />
      )}
      <span className="dim small">
        {reserved.length > 0 && `${reserved.join(' and ')} reserved for what is under way; `}
        {renewedInWords(budget)}
      </span>
    </div>
  );
}

/** A budget while it is typed; an empty field is no limit. */
export type BudgetDraft = Partial<Budget>;
/** Undefined: nothing is limited, and nothing may be paid. */
export function budgetOf({ usd, tokens, per = 'month' }: BudgetDraft): Budget | undefined {
  if (usd === undefined && tokens === undefined) return undefined;
  return { ...(usd === undefined ? {} : { usd }), ...(tokens === undefined ? {} : { tokens }), per };
}
const periods: readonly [Budget['per'], string][] = [
  ['month', 'a month'],
  ['day', 'a day'],
  ['total', 'in all, never renewed'],
];
export function BudgetFields({
  draft,
  onDraft,
  unpaid,
  faultOf = () => undefined,
}: {
  draft: BudgetDraft;
  onDraft(draft: BudgetDraft): void;
  /** What an empty field for money means. */
  unpaid: string;
  faultOf?(field: string): string | undefined;
}) {
  const put = (field: 'usd' | 'tokens', text: string) => {
    const { [field]: _, ...rest } = draft;
    onDraft(text === '' ? rest : { ...rest, [field]: Number(text) });
  };
  return (
    <div className="budget-fields">
      <TextField
        label="Budget in US dollars"
        type="number"
        min={0}
        step="any"
        placeholder={unpaid}
        value={draft.usd ?? ''}
        fault={faultOf('usd')}
        onChange={(event) => put('usd', event.target.value)}
      />
      <TextField
        label="Budget in tokens"
        type="number"
        min={1}
        step={1}
        placeholder="any number"
        value={draft.tokens ?? ''}
        fault={faultOf('tokens')}
        onChange={(event) => put('tokens', event.target.value)}
      />
      <SelectField
        label="Budget for"
        value={draft.per ?? 'month'}
        disabled={draft.usd === undefined && draft.tokens === undefined}
        options={periods.map(([per, text]): [string, string] => [per, text])}
        onChange={(event) => onDraft({ ...draft, per: event.target.value as Budget['per'] })}
      />
    </div>
  );
}
