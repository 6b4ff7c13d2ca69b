// What is wrong with a node, in plain words: its health, and what the coordinator had to refuse it. In: the view. Out: what pages and
// alerts show; only health counts for placement (health.ts). Nothing here is stored.
import type { View } from '../view.ts';
import { type Condition, conditionsOf, noModel } from './health.ts';
import { refusalsTogetherMs } from './judged.ts';

export interface NodeCondition extends Condition {
  /** What it means, or what helps. */
  help: string;
}
const ofHealth = 'It is given less work while this lasts.';
const ofNoModel =
  'Agents there cannot answer. Its notes say what would help; the Models tab shows how far a fetch is, and starts one.';
const ofRefusals =
  'None of it was taken in. Look whether its software is the one that belongs to this coordinator, or whether somebody else has its key; when in doubt, forget it.';

/** Worst first; empty when nothing is wrong, or when nothing was heard yet. */
export function nodeConditions(view: View, id: string): NodeCondition[] {
  const row = view.nodes.get(id);
  const live = view.live.get(id);
  if (!row || !live) return [];
  const nowMs = view.tickedMs ?? view.startedMs;
  const found: NodeCondition[] = conditionsOf(live.health, row.info, live.capacity).map((each) => ({
    ...each,
    help: each.text.startsWith(`${noModel}:`) ? ofNoModel : ofHealth,
  }));
  const { refusals } = live;
  if (refusals && nowMs - refusals.sinceMs < refusalsTogetherMs) {
    const times = refusals.count === 1 ? 'once' : `${refusals.count} times`;
    found.push({
      severity: 'warning',
      text: `speaks for what is not its own: ${times} within an hour; last: ${refusals.text}`,
      help: ofRefusals,
    });
  }
  return found;
}
