// Pure: one order out of several ranked lists by reciprocal rank fusion, then importance and recency as small factors.
// Positions are fused, not scores: BM25 and cosine have no common scale. Every backend of the store ranks by this.

/** The constant of the paper (Cormack, Clarke, Buettcher 2009): a first place in one list beats a fortieth in both. */
const k = 60;
/** Each at most five percent: enough to order equal hits; it moves a hit by about three places at the top. */
const importanceWeight = 0.05;
const recencyWeight = 0.05;
const halfLifeMs = 30 * 86_400_000;
/** What is old and unimportant fades: by a tenth at most, and never out of the list. */
const fadeWeight = 0.1;
const fadeHalfMs = 180 * 86_400_000;

export interface Ranked<T> {
  item: T;
  /** BM25 or distance: compared within its list only; equal values share a place. */
  value: number;
}

/** Sum over the lists (each best first) of 1 / (60 + place), places from 1. */
export function fuseRanks<T>(lists: readonly (readonly Ranked<T>[])[]): Map<T, number> {
  const scores = new Map<T, number>();
  for (const list of lists) {
    let place = 0;
    list.forEach(({ item, value }, at) => {
      if (at === 0 || value !== list[at - 1]?.value) place = at + 1;
      scores.set(item, (scores.get(item) ?? 0) + 1 / (k + place));
    });
  }
  return scores;
}

/** `ageMs`: since the coordinator stored the entry, as the clock of a Pi may be years off. */
export function weigh(fused: number, importance: number, ageMs: number): number {
  const recency = 0.5 ** (Math.max(0, ageMs) / halfLifeMs);
  const faded = (1 - importance) * (1 - 0.5 ** (Math.max(0, ageMs) / fadeHalfMs));
  return fused * (1 + importanceWeight * importance + recencyWeight * recency - fadeWeight * faded);
}
