// Makes a question into words for the full-text index, and two ranked lists into one. Pure.
import { questionWords } from '@blackroad/protocol';
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

/** The words of a text as an FTS5 expression; null when it has none. Every word is quoted, so that a question has no operators. */
export function wordsQuery(log: number, text: string): string | null {
  const words = questionWords(text);
  if (words.length === 0) return null;
  return `log : "l${log}" AND text : (${words.map((word) => `"${word}"`).join(' OR ')})`;
}

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
    const lift = 1 + recencyWeight * (recencyHalf / (recencyHalf + age)) + importanceWeight * (item.importance - 0.5);
    ranked.push({ id, score: score * lift });
  }
  return ranked.sort((a, b) => b.score - a.score || b.id - a.id);
}
