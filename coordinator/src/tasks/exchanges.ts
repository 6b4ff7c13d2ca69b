// The exchanges that go along with a question: the last ones that fit a lease. Pure.
import { type Exchange, maxAskTurns, maxTurnsChars } from '@blackroad/protocol';

/** The last exchanges that fit; of one that is too long by itself, the beginnings. */
export function lastExchanges(exchanges: readonly Exchange[]): Exchange[] {
  const kept: Exchange[] = [];
  let left = maxTurnsChars;
  for (const { said, answered } of exchanges.slice(-maxAskTurns).toReversed()) {
    const most = Math.floor(left / 2);
    const fits = said.length + answered.length <= left;
    if (!fits && kept.length > 0) break;
    const one = fits ? { said, answered } : { said: said.slice(0, most), answered: answered.slice(0, most) };
    kept.unshift(one);
    left -= one.said.length + one.answered.length;
  }
  return kept;
}
