// A vector of a model scaled to unit length, as every vector of a memory is.
import { isVector } from '@blackroad/protocol';

/** Scales to unit length. Empty where it is no vector (zeros, values that are no numbers, no list): servers return such under load. */
export function unitVector(values: unknown): Float32Array {
  const isList = Array.isArray(values) || values instanceof Float32Array;
  if (!isList || values.some((value) => typeof value !== 'number')) return new Float32Array(0);
  const vector = Float32Array.from(values);
  if (!isVector(vector)) return new Float32Array(0);
  let sum = 0;
  for (const value of vector) sum += value * value;
  const scale = 1 / Math.sqrt(sum);
  return vector.map((value) => value * scale);
}
