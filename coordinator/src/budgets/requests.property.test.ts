// Random histories of requests under budgets, over a real database that is closed and opened again: whatever the order of reserving,
// settling, crashing and restarting, what is counted is what was used, and a budget is overrun by no more than the last request that it let
// in, and by what requests used beyond what was reserved for them.

import { coordinatorSelf } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import fc from 'fast-check';
import t from 'tap';
import { type ClaimedStore, claimed } from '../../../test/fixtures/coordinator/claimed-store.ts';
import { samplePolicy, startMs } from '../../../test/fixtures/coordinator/sample-rows.ts';
import { storeFiles } from '../../../test/fixtures/coordinator/store-files.ts';
import { keyRow } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { viewInWords } from '../../../test/fixtures/coordinator/view-in-words.ts';
import { createKey } from '../fleet/access.ts';
import { started } from '../fleet/tick.ts';
import { apply } from '../state/apply.ts';
import { isDurable } from '../state/change-table.ts';
import type { Decide, Given, InputKind } from '../state/input.ts';
import { fill } from '../state/rebuild.ts';
import { emptyView, type MutableView, type View } from '../state/view.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import { reserveForRequest, settleRequest } from './requests.ts';

const files = storeFiles(t);
const limits = { tokens: 4_000, usd: 3 };
const keys = ['k1', 'k2'] as const;

type When = 'before' | 'after' | 'never';
/** `crash`: whether the coordinator dies before or after the decision is stored; its asker hears nothing in either case. */
type Step =
  | { do: 'reserve'; key: (typeof keys)[number]; tokens: number; paid: boolean; crash: When }
  | { do: 'settle'; pick: number; share: number; twice: boolean; crash: When }
  | { do: 'restart' };
const crash = fc.constantFrom<When>('never', 'never', 'never', 'never', 'before', 'after');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('reserve' as const),
      key: fc.constantFrom(...keys),
      tokens: fc.integer({ min: 1, max: 3_000 }),
      paid: fc.boolean(),
      crash,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      pick: fc.nat(9),
      share: fc.double({ min: 0, max: 1.5, noNaN: true }),
      twice: fc.boolean(),
      crash,
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);

/** A dollar for a thousand tokens: both limits are reached. */
const priceOf = (tokens: number, paid: boolean) => (paid ? tokens / 1000 : 0);

interface UnderWay {
  id: string;
  key: string;
  tokens: number;
  usd: number;
}
class Life {
  view: MutableView = emptyView('c', startMs);
  readonly used = new Map(keys.map((key) => [key as string, { tokens: 0, usd: 0 }]));
  readonly over = new Map(keys.map((key) => [key as string, { tokens: 0, usd: 0, last: 0 }]));
  granted = 0;
  refused = 0;
  readonly #path = files.newPath();
  #store!: ClaimedStore;
  #underWay: UnderWay[] = [];
  #ids = 0;

  async begin(): Promise<void> {
    await this.#open();
    for (const id of keys) {
      const row = keyRow(id, { budget: { ...limits, per: 'total' } });
      await this.#decide<'key-create'>(createKey, { by: coordinatorSelf, row });
    }
  }
  async take(taken: Step): Promise<void> {
    if (taken.do === 'restart') await this.#crash();
    else if (taken.do === 'reserve') await this.#reserve(taken);
    else await this.#settle(taken);
  }
  async end(): Promise<void> {
    await this.#crash();
    await this.#store.close();
  }

  async #reserve({ key, tokens, paid, crash: when }: Extract<Step, { do: 'reserve' }>): Promise<void> {
    const one = { id: `r${++this.#ids}`, key, tokens, usd: priceOf(tokens, paid) };
    const outcome = await this.#decide<'budget-reserve'>(reserveForRequest, { ...one, costs: paid }, when);
    // Without an answer nothing goes to a node, but after a restart nobody knows that.
    if (outcome?.ok) {
      this.granted++;
      this.#underWay.push(one);
      const over = this.over.get(key);
      if (over) over.last = Math.max(over.last, tokens);
    } else if (outcome) this.refused++;
    if (when !== 'never') await this.#crash();
  }
  async #settle({ pick, share, twice, crash: when }: Extract<Step, { do: 'settle' }>): Promise<void> {
    const one = this.#underWay[pick % Math.max(1, this.#underWay.length)];
    if (!one) return;
    const tokens = Math.round(one.tokens * share);
    const usd = one.usd > 0 ? priceOf(tokens, true) : 0;
    const times = twice ? 2 : 1;
    for (let i = 0; i < times; i++)
      await this.#decide<'budget-settle'>(settleRequest, { id: one.id, tokens, usd }, when);
    if (when !== 'before') {
      this.#underWay = this.#underWay.filter(({ id }) => id !== one.id);
      this.#count(one.key, { tokens, usd });
      const over = this.over.get(one.key);
      if (over) {
        over.tokens += Math.max(0, tokens - one.tokens);
        over.usd += Math.max(0, usd - one.usd);
      }
    }
    if (when !== 'never') await this.#crash();
  }
  #count(key: string, { tokens, usd }: { tokens: number; usd: number }): void {
    const before = this.used.get(key) ?? { tokens: 0, usd: 0 };
    this.used.set(key, { tokens: before.tokens + tokens, usd: before.usd + usd });
  }

  /** Undefined: the coordinator died before it was stored. */
  async #decide<K extends InputKind>(decide: Decide<K>, input: Given<K>, when: When = 'never') {
    const { changes, outcome } = decide(this.view as View, input, startMs, samplePolicy);
    if (when === 'before') return undefined;
    await this.#store.commit(changes.filter(isDurable));
    for (const change of changes) apply(this.view, change);
    return outcome;
  }
  /** What was under way is forgotten: it counts as it was reserved where it costs money, and else not at all. */
  async #crash(): Promise<void> {
    const before = [...this.view.reservations.values()];
    await this.#store.close();
    await this.#open();
    for (const row of before) {
      const key = row.accounts[0]?.slice('key:'.length) ?? '';
      if (row.usd > 0) this.#count(key, row);
    }
    this.#underWay = [];
    if (this.view.reservations.size > 0) throw new Error('a reservation outlived its coordinator');
  }
  async #open(): Promise<void> {
    this.#store = await claimed(await openSqliteStore({ path: this.#path, log: silentLog, clock: systemClock }));
    this.view = emptyView('c', startMs);
    fill(this.view, await this.#store.load());
    await this.#decide<'started'>(started, {});
    const again = emptyView('c', startMs);
    fill(again, await this.#store.load());
    const words = (view: MutableView) => viewInWords({ ...view, announcedMs: null } as View);
    if (words(again) !== words(this.view)) throw new Error('the database says something else');
  }

  check(): void {
    for (const key of keys) {
      const { tokens, usd } = this.view.spending.get(`key:${key}`) ?? { tokens: -1, usd: -1 };
      const used = this.used.get(key) ?? { tokens: 0, usd: 0 };
      if (tokens !== used.tokens || Math.abs(usd - used.usd) > 1e-9)
        throw new Error(`${key}: counted ${tokens} and $${usd}, used ${JSON.stringify(used)}`);
      const over = this.over.get(key) ?? { tokens: 0, usd: 0, last: 0 };
      const most = { tokens: limits.tokens + over.last + over.tokens, usd: limits.usd + over.last / 1000 + over.usd };
      if (tokens > most.tokens || usd > most.usd + 1e-9) throw new Error(`${key} is overspent: ${tokens}, $${usd}`);
    }
  }
}

t.test('what is counted is what was used, and no budget is overspent', async (t) => {
  let [granted, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (taken) => {
      const life = new Life();
      await life.begin();
      for (const each of taken) {
        await life.take(each);
        life.check();
      }
      await life.end();
      life.check();
      granted += life.granted;
      refused += life.refused;
    }),
    { numRuns: 30 },
  );
  t.ok(granted > 150 && refused > 20, `${granted} let in, ${refused} refused`);
});
