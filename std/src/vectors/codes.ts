// A vector as 4 bits a coordinate, and a query in the form that the scan multiplies with it. Vectors are made unit vectors, centred by the mean of
// the fleet's, and turned; a factor a row makes the product of codes an estimate of the cosine. Source: the code that FACTS call "4 bits".
import type { Rotation } from './rotation.ts';

/** Equal steps that lose least of a normal distribution in 16 levels, in standard deviations (Max, 1960). */
const step = 0.3352;
const levels = 16;
/** A code c stands for c - middle. */
const middle = (levels - 1) / 2;
const largestQuery = 127;

export interface Coder {
  /** Blocks of 16 bytes a row, each of 32 coordinates. */
  readonly blocks: number;
  /** Writes the codes of a vector; returns its factor, NaN for one that is near to nothing (zeros, no numbers). */
  encode(vector: Float32Array, codes: Uint8Array): number;
  /** The length that a unit vector has after it was centred, in the mean. */
  readonly spread: number;
  /** Writes a query as the scan reads it, and nothing behind it. */
  query(vector: Float32Array, target: Int8Array): CodedQuery;
}
interface CodedQuery {
  /** What is taken off each product with codes. */
  base: number;
  /** Its numbers are those of the unit vector times this. */
  scale: number;
}

export function coderOf(dimension: number, rotation: Rotation, mean: Float32Array): Coder {
  const { size } = rotation;
  const blocks = size / 32;
  const unit = new Float32Array(dimension);
  const turned = new Float32Array(size);
  const scratch = new Float32Array(size);
  const marks = new Uint8Array(size);

  return {
    blocks,
    spread: Math.sqrt(Math.max(0, 1 - normOf(mean) ** 2)),
    encode(vector, codes) {
      const norm = normOf(vector);
      if (!(norm > 0)) return Number.NaN;
      for (let i = 0; i < dimension; i++) unit[i] = (vector[i] as number) / norm - (mean[i] as number);
      rotation.apply(unit, turned, scratch);
      const length = normOf(turned);
      // It is the mean itself: every product with it is the same, and the codes of nothing say so.
      const perStep = length > 0 ? Math.sqrt(size) / (length * step) : 0;
      let dot = 0;
      for (let i = 0; i < size; i++) {
        const value = turned[i] as number;
        const mark = Math.max(0, Math.min(levels - 1, Math.floor(value * perStep + levels / 2)));
        marks[i] = mark;
        dot += value * (mark - middle);
      }
      for (let block = 0; block < blocks; block++)
        for (let i = 0; i < 16; i++) {
          const low = block * 32 + i;
          codes[block * 16 + i] = (marks[low] as number) | ((marks[low + 16] as number) << 4);
        }
      return dot > 0 ? (length * length) / dot : 0;
    },
    query(vector, target) {
      const norm = normOf(vector);
      for (let i = 0; i < dimension; i++) unit[i] = norm > 0 ? (vector[i] as number) / norm : 0;
      rotation.apply(unit, turned, scratch);
      let largest = 0;
      for (let i = 0; i < size; i++) largest = Math.max(largest, Math.abs(turned[i] as number));
      const scale = largest > 0 ? largestQuery / largest : 0;
      let sum = 0;
      for (let i = 0; i < size; i++) {
        const value = Math.round((turned[i] as number) * scale);
        target[i] = value;
        sum += value;
      }
      return { base: middle * sum, scale };
    },
  };
}

export function normOf(vector: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  return Math.sqrt(sum);
}
