// Slices of a long computation: pure code cannot read a clock, so it counts units of work and pauses after a number of them. Also a sort in
// slices, because a native sort of a hundred thousand names cannot pause.

/** A unit is about a microsecond of work on a small server; a slice is much shorter than a delay of the event loop that matters. */
const sliceUnits = 500;

export class Pace {
  #left = sliceUnits;
  /** Whether to pause, after this much work. */
  spends(units: number): boolean {
    this.#left -= units;
    if (this.#left > 0) return false;
    this.#left = sliceUnits;
    return true;
  }
}

/** Runs a sliced computation to its end without a pause. */
export function whole<T>(computation: Generator<void, T>): T {
  for (;;) {
    const { done, value } = computation.next();
    if (done) return value;
  }
}

const runLength = 512;
/** A sorted copy; a list that is in order already costs one comparison for each item. */
export function* sortedIn<T>(
  items: readonly T[],
  compare: (a: T, b: T) => number,
  pace: Pace,
): Generator<void, readonly T[]> {
  let isSorted = true;
  for (let at = 1; at < items.length && isSorted; at++) {
    if (compare(items[at - 1]!, items[at]!) > 0) isSorted = false;
    if (pace.spends(0.1)) yield;
  }
  if (isSorted) return items;
  if (items.length <= runLength) return items.toSorted(compare);
  let from: T[] = [];
  for (let at = 0; at < items.length; at += runLength) {
    for (const item of items.slice(at, at + runLength).sort(compare)) from.push(item);
    if (pace.spends(300)) yield;
  }
  for (let width = runLength; width < items.length; width *= 2) {
    const to: T[] = [];
    for (let at = 0; at < items.length; at += 2 * width) {
      let left = at;
      let right = Math.min(at + width, items.length);
      const [leftEnd, rightEnd] = [right, Math.min(at + 2 * width, items.length)];
      while (left < leftEnd || right < rightEnd) {
        const isLeft = right >= rightEnd || (left < leftEnd && compare(from[left]!, from[right]!) <= 0);
        to.push(isLeft ? from[left++]! : from[right++]!);
        if (pace.spends(0.2)) yield;
      }
    }
    from = to;
  }
  return from;
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
