// One thread's part of a search: it scans its rows and keeps the best of them. The threshold rises as better ones are found, so that few are written.
import { layout, type Scans } from './code-scan.ts';
import { bestInFront } from './select.ts';

/** What is asked of all rows, wherever they lie. */
export interface Wanted {
  /** Of 16 bytes a row. */
  blocks: number;
  base: number;
  wanted: number;
  agents: number;
  kinds: number;
}
export interface Found {
  scores: Float32Array;
  ids: Uint32Array;
  count: number;
}
/** Scans on from where it was until `out` is full or all was scanned. Out: whether it was, and the end of what was found. */
export type Step = (threshold: number, out: number, outEnd: number) => readonly [isOver: boolean, end: number];

/** Candidates of one thread before the worse ones are dropped. */
const maxFound = layout.foundBytes / 8;
/** Of one thread with its last piece, and what the others add. */
const room = 2 * maxFound + layout.maxThreads * maxFound;

export function newFound(): Found {
  return { scores: new Float32Array(room), ids: new Uint32Array(room), count: 0 };
}

export function keepBest(step: Step, buffer: ArrayBufferLike, thread: number, wanted: number, found: Found): void {
  const out = layout.found + thread * layout.foundBytes;
  const scores = new Float32Array(buffer, out, layout.foundBytes / 4);
  const ids = new Uint32Array(buffer, out, layout.foundBytes / 4);
  let threshold = Number.NEGATIVE_INFINITY;
  // The first piece is short: with its threshold the rest writes little.
  let outEnd = out + Math.min(layout.foundBytes, 8 * Math.max(64, 8 * wanted));
  found.count = 0;
  for (let isOver = false; !isOver; ) {
    const [over, end] = step(threshold, out, outEnd);
    isOver = over;
    for (let i = 0; i < (end - out) / 8; i++) {
      found.scores[found.count] = scores[2 * i] as number;
      found.ids[found.count++] = ids[2 * i + 1] as number;
    }
    if (found.count > wanted) {
      threshold = bestInFront(found.scores, found.ids, found.count, wanted);
      found.count = wanted;
    }
    outEnd = out + layout.foundBytes;
  }
}

/** Over rows that lie one behind the other. */
export function rowsStep({ rows }: Scans, from: number, to: number, job: Wanted): Step {
  const { blocks, base, agents, kinds } = job;
  let at = from;
  return (threshold, out, outEnd) => {
    const [next, end] = rows(at, to, layout.query, blocks, base, threshold, out, outEnd, agents, kinds);
    at = next;
    return [at >= to, end];
  };
}
