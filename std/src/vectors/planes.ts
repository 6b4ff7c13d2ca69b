// Codes of vectors in two planes: the upper two bits of each code, and the lower two. In memory lie segments of so many rows, each of them all upper
// planes, then the lower ones, the factors, and what else belongs to a row. The upper bits alone say within an error what all four say, so the scan
// looks at the lower ones only where that may be enough. In: codes of 4 bits, a job. Out: segments, a step of a scan.
import { layout, type Scans } from './code-scan.ts';
import { planeTail } from './row-tail.ts';
import type { Step, Wanted } from './scan.ts';

/** Groups of four rows, each of which has a number in the list of a thread. */
export const segmentRows = layout.listBytes;
const factorBytes = 4;
/** Of a row with so many coordinates. */
export const planeBlocks = (size: number): number => Math.ceil(size / 64);

/** Where the parts of a segment begin, and its length, in bytes. */
export interface Segment {
  plane: number;
  lower: number;
  factors: number;
  tails: number;
  bytes: number;
}
export function segmentOf(blocks: number): Segment {
  const plane = blocks * 16;
  const lower = segmentRows * plane;
  const factors = 2 * lower;
  const tails = factors + segmentRows * factorBytes;
  return { plane, lower, factors, tails, bytes: tails + segmentRows * planeTail.bytes };
}

/** Writes codes of 4 bits, in blocks of 32 coordinates, as two planes of blocks of 64. */
export function splitCodes(codes: Uint8Array, upper: Uint8Array, lower: Uint8Array): void {
  for (let at = 0; at < upper.length; at++) {
    const first = (at >> 4) * 32 + (at & 15);
    const a = codes[first] as number;
    const b = codes[first + 16] ?? 0;
    upper[at] = ((a >> 2) & 3) | ((a >> 6) << 2) | (((b >> 2) & 3) << 4) | ((b >> 6) << 6);
    lower[at] = (a & 3) | (((a >> 4) & 3) << 2) | ((b & 3) << 4) | (((b >> 4) & 3) << 6);
  }
}

export interface PlanesJob extends Wanted {
  /** Taken off the products of upper planes. */
  firstBase: number;
  /** What the score by upper planes may be below the one by all bits. */
  slack: number;
}
/** A score by upper planes stands for so many times itself (of normally distributed coordinates in the steps of codes.ts). */
const upperWorth = 4 * 1.0187;
/** The error of that for a unit vector and a unit query, times the root of their coordinates. */
const upperError = 0.39;
/** Of ten thousand rows that are just good enough thirteen are missed; those that are wanted are better than that. */
const errorsAllowed = 3;

/** `scale`: of the query's numbers. `spread`: the length of a unit vector that is centred. */
export const slackOf = (size: number, scale: number, spread: number): number =>
  (errorsAllowed * upperError * scale * spread) / Math.sqrt(size);

/** Over the rows `from` to `to`, multiples of four, by this thread. */
export function planesStep({ planes }: Scans, thread: number, from: number, to: number, job: PlanesJob): Step {
  const { blocks, base, firstBase, slack, wanted, agents, kinds } = job;
  const segment = segmentOf(blocks);
  const list = layout.lists + thread * layout.listBytes;
  let row = from;
  return (threshold, out, outEnd) => {
    const firstThreshold = (threshold - slack) / upperWorth;
    let end = out;
    while (row < to) {
      const within = row % segmentRows;
      const count = Math.min(segmentRows - within, to - row);
      const at = layout.rows + Math.floor(row / segmentRows) * segment.bytes;
      end = planes(
        at + within * segment.plane,
        at + segment.lower + within * segment.plane,
        at + segment.factors + within * factorBytes,
        at + segment.tails + within * planeTail.bytes,
        count,
        layout.query,
        blocks,
        base,
        threshold,
        firstBase,
        firstThreshold,
        list,
        end,
        agents,
        kinds,
      );
      row += count;
      // A higher threshold spares more than it costs to find; and all rows of the next segment may be found.
      if (end - out >= wanted * foundBytes || end + segmentRows * foundBytes > outEnd) break;
    }
    return [row >= to, end];
  };
}
/** Of one row that is found: its score and its id. */
const foundBytes = 8;
