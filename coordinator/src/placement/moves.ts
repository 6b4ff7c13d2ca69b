// From need to move: who goes where, who is nowhere and why. It never moves an agent that may stay, and says nothing twice:
// an agent that is nowhere for the same reason as before is no change.
import type { UnplacedWhy } from '@blackroad/protocol';
import type { Change } from '../change.ts';
import type { Move } from '../fleet/assignment.ts';
import type { Policy } from '../input.ts';
import type { AgentRow, View } from '../view.ts';
import { place } from './place.ts';
import { snapshotOf } from './snapshot.ts';

type Row = NonNullable<ReturnType<View['agents']['get']>>;
/** `words`: rows whose explanation alone changes; `moves`: placements that begin or end. */
export function movesOf(view: View, nowMs: number, policy: Policy): { words: Change[]; moves: Move[] } {
  const { snapshot, needs, stay } = snapshotOf(view, nowMs, policy);
  const words: Change[] = [];
  const moves: Move[] = [];
  const say = (agent: string, unplaced: UnplacedWhy | null) => {
    words.push({ type: 'agent', row: { ...(view.agents.get(agent) as AgentRow), unplaced } });
  };
  for (const agent of stay) if (view.agents.get(agent)?.unplaced) say(agent, null);
  if (snapshot.demands.length === 0) return { words, moves };

  const { placed, unplaced } = place(snapshot);
  for (const { agent, node, model, why } of placed) moves.push({ agent, to: { node, model, why } });
  for (const { agent, why } of unplaced) {
    const row = view.agents.get(agent);
    const need = needs.get(agent);
    if (!row || !need) continue;
    if (need.mayStay) {
      const staying = { ...why, text: `${need.text}, and it stays there: ${why.text}` };
      if (!saysTheSame(row.unplaced, staying)) say(agent, staying);
    } else if (row.placement || !saysTheSame(row.unplaced, why)) {
      moves.push({ agent, to: null, unplaced: why });
    }
  }
  return { words, moves };
}

/**
 * Whether a person would read the same. Counts of many nodes may lag by a fifth: ten thousand nodes that come back one by
 * one must not rewrite every unplaced agent ten thousand times.
 */
export function saysTheSame(before: Row['unplaced'], after: UnplacedWhy): boolean {
  if (!before || before.text !== after.text || before.fix !== after.fix) return false;
  if (before.refused.length !== after.refused.length) return false;
  return after.refused.every(({ filter, nodes }, index) => {
    const old = before.refused[index];
    return old?.filter === filter && isAbout(old.nodes, nodes);
  });
}
function isAbout(a: number, b: number): boolean {
  const most = Math.max(a, b);
  return a === b || (most > 20 && Math.abs(a - b) <= most / 5);
}
