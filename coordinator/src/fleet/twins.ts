// Two processes with one identity: a copied card or volume. Each connection displaces the other, which looks like a restart; but a boot id
// is new at every start, so a boot that returns after another one replaced it shows that both run. In: a node and the boot of a message.
// Out: whether there are two processes, after a few returns. Pure; the count is perishable.
import { change, type Draft } from '../state/draft.ts';
import type { NodeRow } from '../state/rows.ts';

/** A message of an old connection may arrive late once, but not repeatedly. */
const returnsOfTwins = 3;
const withinMs = 10 * 60_000;
const maxPast = 8;

/** Counts the changes of boots; true: two processes use this identity. */
export function isTwin(draft: Draft, { id, boot: before }: NodeRow, boot: string): boolean {
  if (before === boot || before === '') return false;
  const known = draft.view.live.get(id)?.boots ?? { past: [], returns: 0, sinceMs: draft.nowMs };
  const isOld = draft.nowMs - known.sinceMs > withinMs;
  const returns = (isOld ? 0 : known.returns) + (known.past.includes(boot) ? 1 : 0);
  const past = [...known.past.filter((each) => each !== before), before].slice(-maxPast);
  change(draft, { type: 'boots', node: id, boots: { past, returns, sinceMs: isOld ? draft.nowMs : known.sinceMs } });
  return returns >= returnsOfTwins;
}
export function twinText(node: string): string {
  return `two processes use the identity ${node}: its card or its data folder was copied. Stop one of them, join that one anew under another name, then release ${node}`;
}
