// What marks of consolidation do to a ranking, the same on nodes and at the coordinator: of what is said twice the later one is shown alone, and
// what was replaced comes after what replaced it, which is found with it. Contradictions change nothing: both are shown. Pure.
import type { MemoryMark } from './consolidation.ts';

export interface MarkFound {
  how: Exclude<MemoryMark['how'], 'summary'>;
  /** What marks it. */
  by: number;
}
interface Ranked {
  id: number;
  score: number;
}

/** A fact that changed more often is followed so far; the rest of its chain is ranked by itself. */
const maxSteps = 8;
/** The lead of what holds now over what it replaced, and that one's weight: it is still found where nothing else is. */
const lead = 1.000_001;
const replacedWeight = 0.5;

/** Best first, in and out. `marksOf` is asked for each one, and for what marks it. */
export function rankMarked(ranked: readonly Ranked[], marksOf: (id: number) => readonly MarkFound[]): Ranked[] {
  const scores = new Map(ranked.map(({ id, score }) => [id, score]));
  const hidden = new Set<number>();
  for (const { id, score } of ranked) {
    let at = id;
    let how: MarkFound['how'] | null = null;
    for (let step = 0; step < maxSteps; step++) {
      const next = marksOf(at).find((mark) => mark.how !== 'contradicts');
      if (!next) break;
      if (how !== 'replaced') how = next.how;
      at = next.by;
    }
    if (how === null) continue;
    if (how === 'same') hidden.add(id);
    else scores.set(id, score * replacedWeight);
    scores.set(at, Math.max(scores.get(at) ?? 0, score * lead));
  }
  for (const id of hidden) scores.delete(id);
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || b.id - a.id);
}
