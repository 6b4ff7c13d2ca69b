// The purse of one caller of the gateway: the budget of its key. In: a request, the place it is about to go to, what it used in the end. Out:
// whether it may be asked and whether it may be paid for; a hold on the budget, which always ends with what was used. A caller whose key has
// no budget pays nothing, and nothing is counted for it.
import { FleetError, type Principal } from '@blackroad/protocol';
import { type Backoff, backoffMs } from '@blackroad/std/backoff';
import type { Clock } from '@blackroad/std/clock';
import { type Random, sortableId } from '@blackroad/std/random';
import { type Stop, stopOf } from '../budgets/books.ts';
import { costOfAnswer, costsMoney } from '../budgets/price.ts';
import { payStop } from '../budgets/requests.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { keyAccount } from '../state/account.ts';
import { type Ask, estimateTokens, type Usage } from './ask.ts';
import type { Place } from './directory.ts';
import { stopError } from './refusal.ts';

export interface Hold {
  /** The most tokens of the answer that were reserved; null: the request itself or the model's context bounds it. */
  maxTokens: number | null;
  /** Ends the hold. */
  used(usage: Pick<Usage, 'promptTokens' | 'completionTokens'>): void;
}
interface PurseParts {
  coordinator: Pick<Coordinator, 'view' | 'submit'>;
  clock: Clock;
  random: Random;
  by: Principal;
}

/** The longest answer under a budget, where neither the request nor the context of the model sets a bound. */
const longestAnswerTokens = 8_192;
/** While the store takes no writes; a settlement is never given up. */
const settleBackoff: Backoff = { firstMs: 500, maxMs: 30_000 };
const nothingHeld: Hold = { maxTokens: null, used() {} };

export class Purse {
  readonly #parts: PurseParts;
  /** The id of the key, also of a signed-in console. */
  readonly #key: string | null;

  constructor(parts: PurseParts) {
    this.#parts = parts;
    const { kind, id } = parts.by;
    this.#key = kind === 'key' || kind === 'session' ? id : null;
  }

  /** Why nothing may be asked now; null: it may. */
  refusal(): FleetError | null {
    const stop = this.#key === null ? null : stopOf(this.#parts.coordinator.view, keyAccount(this.#key), false);
    return stop && stopError(stop);
  }
  /** Why nothing may be paid for now; null: it may. */
  unpaid(): Stop | null {
    return payStop(this.#parts.coordinator.view, this.#key);
  }

  /** Reserves the most that the request may use at this place. @throws FleetError where the budget does not let it in */
  async hold({ row, live, model }: Place, request: Ask['request']): Promise<Hold> {
    const { coordinator, clock, random } = this.#parts;
    const budget = this.#key === null ? undefined : coordinator.view.keys.get(this.#key)?.budget;
    const isPaid = costsMoney(coordinator.view, row.id, model.name);
    // What is free counts only where tokens are limited.
    if (this.#key === null || (budget?.tokens === undefined && !isPaid)) return nothingHeld;
    const promptTokens = estimateTokens(request);
    const bound = boundOf(request, promptTokens, model.contextTokens);
    const price = (usage: Pick<Usage, 'promptTokens' | 'cachedTokens' | 'completionTokens'>) =>
      costOfAnswer(live.capacity, { model: model.name, ...usage });
    const id = sortableId(clock.nowMs(), random);
    const most = { promptTokens, completionTokens: bound.tokens };
    const outcome = await coordinator.submit('budget-reserve', {
      id,
      key: this.#key,
      tokens: promptTokens + bound.tokens,
      usd: price(most),
      costs: isPaid,
    });
    if (!outcome.ok) throw new FleetError(outcome.code, outcome.details);
    return {
      maxTokens: bound.isOurs ? bound.tokens : null,
      used: (usage) => this.#settle(id, usage.promptTokens + usage.completionTokens, price(usage), 0),
    };
  }

  #settle(id: string, tokens: number, usd: number, tries: number): void {
    const { coordinator, clock, random } = this.#parts;
    const again = () =>
      clock.after(backoffMs(settleBackoff, tries, random), () => this.#settle(id, tokens, usd, tries + 1));
    coordinator.submit('budget-settle', { id, tokens, usd }).then((outcome) => {
      if (!outcome.ok) again();
    }, again);
  }
}

/** `isOurs`: the request is sent with this bound. One that may be beyond the context would be refused by some model servers. */
function boundOf({ kind, maxTokens }: Ask['request'], promptTokens: number, contextTokens: number) {
  if (kind === 'embed') return { tokens: 0, isOurs: false };
  if (maxTokens !== undefined) return { tokens: maxTokens, isOurs: false };
  const room = contextTokens > 0 ? Math.max(0, contextTokens - promptTokens) : Number.POSITIVE_INFINITY;
  const isOurs = room - promptTokens > longestAnswerTokens;
  return { tokens: Math.min(room, longestAnswerTokens), isOurs };
}
