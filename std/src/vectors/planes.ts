// Codes of vectors in three planes: the upper bit of each code, which is a sign, the two below it, and the last one. In memory lie segments of so many
// rows, each of them all signs, then the other planes, the factors, and what else belongs to a row. The signs alone say within an error what all bits
// say, so the scan looks at the other planes only where that may be enough. In: codes of 4 bits, a job. Out: segments, a step of a scan.
import { layout, type Scans } from './code-scan.ts';
import { planeTail, signGroup } from './row-tail.ts';
import type { Step, Wanted } from './scan.ts';

export const segmentRows = 1_024;
const factorBytes = 4;
/** Of one row that is found: its score and its id; of one in the list of a thread its number and what its signs say. */
const foundBytes = 8;

/** Bytes of a row in each plane, where the parts of a segment begin, and its length. */
export interface Segment {
  signs: number;
  middle: number;
  low: number;
  middles: number;
  lows: number;
  factors: number;
  tails: number;
  bytes: number;
}
/** `size`: coordinates of a row, a multiple of 32. */
export function segmentOf(size: number): Segment {
  const [signs, middle, low] = [size / 8, Math.ceil(size / 64) * 16, Math.ceil(size / 128) * 16];
  const middles = segmentRows * signs;
  const lows = middles + segmentRows * middle;
  const factors = lows + segmentRows * low;
  const tails = factors + segmentRows * factorBytes;
  return { signs, middle, low, middles, lows, factors, tails, bytes: tails + segmentRows * planeTail.bytes };
}
/** Where the sign byte `at` of the row is in its segment: rows of a group lie side by side, those of both halves of eight in turn. */
const signPlace = (row: number, at: number, { signs }: Segment): number => {
  const within = row % signGroup;
  return (row - within) * signs + at * signGroup + (within & 16) + 2 * (within & 7) + ((within >> 3) & 1);
};

/** Writes codes of 4 bits, in blocks of 32 coordinates, into the planes of row `row` of the segment that begins at `begins`. */
export function putCodes(codes: Uint8Array, target: Uint8Array, begins: number, row: number, segment: Segment): void {
  const middle = begins + segment.middles + row * segment.middle;
  const low = begins + segment.lows + row * segment.low;
  target.fill(0, middle, middle + segment.middle);
  target.fill(0, low, low + segment.low);
  for (let at = 0; at < segment.signs; at++) {
    let signs = 0;
    for (let bit = 0; bit < 8; bit++) {
      const coordinate = 8 * at + bit;
      const within = coordinate & 31;
      const both = codes[(coordinate >> 5) * 16 + (within & 15)] as number;
      const code = within < 16 ? both & 15 : both >> 4;
      signs |= (code >> 3) << bit;
      const inMiddle = middle + (coordinate >> 6) * 16 + (coordinate & 15);
      target[inMiddle] = (target[inMiddle] as number) | (((code >> 1) & 3) << (2 * ((coordinate >> 4) & 3)));
      const inLow = low + (coordinate >> 7) * 16 + (coordinate & 15);
      target[inLow] = (target[inLow] as number) | ((code & 1) << ((coordinate >> 4) & 7));
    }
    target[begins + signPlace(row, at, segment)] = signs;
  }
}

export interface PlanesJob extends Omit<Wanted, 'blocks' | 'base'> {
  /** Coordinates of a row. */
  size: number;
  /** The sum of the query's numbers. */
  sum: number;
  /** What a number of the tables of signs stands for, and what is taken off their sum. */
  signScale: number;
  signBase: number;
  /** The score of a vector that has nothing to do with the query, in the root of its mean square. */
  unit: number;
}

/** Of a table's numbers four are added in a byte, and all of a row in two. */
const mostLooked = 63;
const mostSummed = 65_535;
/** Codes stand for a step more than half of what their upper bit does. */
const signWorth = 8;

/** Writes for each four coordinates what every choice of their signs adds to the product with the query, in whole steps. */
export function writeSignTables(
  query: Int8Array,
  size: number,
  buffer: ArrayBufferLike,
): Pick<PlanesJob, 'sum' | 'signScale' | 'signBase'> {
  const many = size / 4;
  const tables = new Uint8Array(buffer, layout.signTables, many * 16);
  let [widest, sum, least] = [0, 0, 0];
  for (let n = 0; n < many; n++) {
    let width = 0;
    for (let at = 4 * n; at < 4 * n + 4; at++) {
      const value = query[at] as number;
      width += Math.abs(value);
      sum += value;
      least += Math.min(0, value);
    }
    widest = Math.max(widest, width);
  }
  const step = Math.max(widest, 1) / Math.min(mostLooked, Math.floor(mostSummed / many));
  for (let n = 0; n < many; n++)
    for (let signs = 0; signs < 16; signs++) {
      let steps = 0;
      for (let bit = 0; bit < 4; bit++) {
        const value = query[4 * n + bit] as number;
        steps += (((signs >> bit) & 1) === 1 ? value : 0) - Math.min(0, value);
      }
      tables[16 * n + signs] = Math.round(steps / step);
    }
  return { sum, signScale: signWorth * step, signBase: (signWorth / 2) * sum - signWorth * least };
}

/**
 * Of normally distributed coordinates in the steps of codes.ts, all in units of `unit`: the score by signs is worth so much of what is expected of the
 * whole score; a row with a score has so much of it by signs in the mean, and strays from that by so much.
 */
const signScore = { worth: 0.595, mean: 0.637, stray: 0.481 };
/** The same of the upper three bits. */
const middleStray = 0.2;
/** Of a hundred rows that are just good enough one or two are missed; of the ten best of a hundred that are taken, one in a thousand. */
const straysAllowed = 2.2;

/** `scale`: of the query's numbers. `spread`: the length of a unit vector that is centred. */
export const unitOf = (size: number, scale: number, spread: number): number => (scale * spread) / Math.sqrt(size);

/** Over the rows `from` to `to`, multiples of a group, by this thread. */
export function planesStep({ signs, rest }: Scans, thread: number, from: number, to: number, job: PlanesJob): Step {
  const { size, sum, signScale, signBase, unit, wanted, agents, kinds } = job;
  const segment = segmentOf(size);
  const list = layout.lists + thread * layout.listBytes;
  const room = layout.signRooms + thread * signGroup * 4;
  const [middleBase, base] = [3 * sum, 3.5 * sum];
  const stray = signScore.stray * unit * straysAllowed;
  let row = from;
  return (threshold, out, outEnd) => {
    const signThreshold = (signScore.mean * threshold - stray) / signScore.worth;
    const middleThreshold = threshold - middleStray * unit * straysAllowed;
    let end = out;
    while (row < to) {
      const within = row % segmentRows;
      const count = Math.min(segmentRows - within, to - row);
      const begins = layout.rows + Math.floor(row / segmentRows) * segment.bytes;
      const factors = begins + segment.factors + within * factorBytes;
      const tails = begins + segment.tails + within * planeTail.bytes;
      const bytes = segment.signs;
      const plane = begins + within * bytes;
      const tables = layout.signTables;
      const last = signs(
        ...([plane, factors, tails, count, tables, bytes, signScale, signBase, signThreshold, room, list] as const),
        ...([agents, kinds] as const),
      );
      end = rest(
        ...([list, last] as const),
        begins + segment.middles + within * segment.middle,
        begins + segment.lows + within * segment.low,
        ...([factors, tails, layout.query, segment.middle / 16, segment.low / 16] as const),
        ...([middleBase, middleThreshold, base, threshold, end] as const),
      );
      row += count;
      // A higher threshold spares more than it costs to find; and all rows of the next segment may be found.
      if (end - out >= wanted * foundBytes || end + segmentRows * foundBytes > outEnd) break;
    }
    return [row >= to, end];
  };
}
