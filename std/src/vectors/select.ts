// The best of many candidates. In: scores and ids side by side. Out: the best ones first. Pure.

/** Puts the `wanted` highest scores in front, in any order; returns the lowest of them. [Hoare's selection] */
export function bestInFront(scores: Float32Array, ids: Uint32Array, count: number, wanted: number): number {
  let from = 0;
  let to = count - 1;
  const last = wanted - 1;
  while (from < to) {
    const pivot = scores[(from + to) >>> 1] as number;
    let i = from;
    let j = to;
    while (i <= j) {
      while ((scores[i] as number) > pivot) i++;
      while ((scores[j] as number) < pivot) j--;
      if (i <= j) swap(scores, ids, i++, j--);
    }
    if (last <= j) to = j;
    else if (last >= i) from = i;
    else break;
  }
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < wanted; i++) lowest = Math.min(lowest, scores[i] as number);
  return lowest;
}
function swap(scores: Float32Array, ids: Uint32Array, i: number, j: number): void {
  const score = scores[i] as number;
  const id = ids[i] as number;
  scores[i] = scores[j] as number;
  ids[i] = ids[j] as number;
  scores[j] = score;
  ids[j] = id;
}
