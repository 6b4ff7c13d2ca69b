// Makes two ranked lists into one. Pure.
import type { Head } from './journal.ts';

/** A hit this far below the best one shares only words like `is` and `the` with the question. */
export const weakestHit = 0.2;
/** Reciprocal rank fusion's usual constant: small differences at the top of one list do not outweigh the other list. */
const fusionK = 60;
/** The bonus of the newest memory and of the most important one over an old, unimportant one: about three ranks each. */
const recencyWeight = 0.05;
const importanceWeight = 0.1;
/** After so many entries recency has halved. The log's order counts, never a clock: that of a Pi can go backwards. */
const recencyHalf = 50;
/** What is old and unimportant fades: by a tenth at most, half of that after so many entries, and never out of the list. */
const fadeWeight = 0.1;
const fadeHalf = 5_000;

export interface Found {
  id: number;
  seq: number;
  importance: number;
}
/** Best first. Each list holds ids, best first; a memory without a place in the chain (seq 0) counts as the newest. */
export function fuse(
  lists: readonly (readonly number[])[],
  found: ReadonlyMap<number, Found>,
  head: Head,
): { id: number; score: number }[] {
  const scores = new Map<number, number>();
  for (const list of lists) {
    list.forEach((id, rank) => {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (fusionK + rank + 1));
    });
  }
  const ranked: { id: number; score: number }[] = [];
  for (const [id, score] of scores) {
    const item = found.get(id);
    if (!item) continue;
    const age = item.seq === 0 ? 0 : Math.max(0, head.seq - item.seq);
    const faded = (1 - item.importance) * (age / (fadeHalf + age));
    const lift =
      1 +
      recencyWeight * (recencyHalf / (recencyHalf + age)) +
      importanceWeight * (item.importance - 0.5) -
      fadeWeight * faded;
    ranked.push({ id, score: score * lift });
  }
  return ranked.sort((a, b) => b.score - a.score || b.id - a.id);
}
