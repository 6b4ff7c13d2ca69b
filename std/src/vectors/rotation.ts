// Turns vectors at random, the same way for all: afterwards every coordinate carries about as much as any other, which codes of a few bits need.
// Three rounds of random signs, a Hadamard transform within blocks, and a permutation across them. In: vectors of one length. Out: longer by the
// padding to whole blocks, of the same norm. Pure for a seed.
import { seededRandom } from '../random.ts';

const rounds = 3;
/** A row of codes is whole blocks of this many coordinates. */
const grain = 32;

export interface Rotation {
  /** Coordinates of a vector after it, a multiple of 32. */
  readonly size: number;
  /** Writes the turned vector to `target`, of `size` numbers; `scratch` is another of that size. */
  apply(vector: Float32Array, target: Float32Array, scratch: Float32Array): void;
}

export function rotationOf(dimension: number, seed: number): Rotation {
  const size = Math.ceil(dimension / grain) * grain;
  const block = size & -size;
  const random = seededRandom(seed);
  const scale = 1 / Math.sqrt(block);
  const signs = Array.from({ length: rounds }, () =>
    Float32Array.from({ length: size }, () => (random.next() < 0.5 ? -scale : scale)),
  );
  const places = Array.from({ length: rounds }, () => shuffled(size, random));

  return {
    size,
    apply(vector, target, scratch) {
      scratch.fill(0);
      scratch.set(vector.length > dimension ? vector.subarray(0, dimension) : vector);
      for (let round = 0; round < rounds; round++) {
        const sign = signs[round] as Float32Array;
        const place = places[round] as Uint32Array;
        for (let i = 0; i < size; i++) target[i] = (scratch[place[i] as number] as number) * (sign[i] as number);
        for (let from = 0; from < size; from += block) hadamard(target, from, block);
        if (round < rounds - 1) scratch.set(target);
      }
    },
  };
}

function hadamard(values: Float32Array, from: number, size: number): void {
  for (let half = 1; half < size; half *= 2)
    for (let at = from; at < from + size; at += 2 * half)
      for (let i = at; i < at + half; i++) {
        const a = values[i] as number;
        const b = values[i + half] as number;
        values[i] = a + b;
        values[i + half] = a - b;
      }
}
function shuffled(size: number, random: { next(): number }): Uint32Array {
  const places = Uint32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = Math.floor(random.next() * (i + 1));
    const other = places[j] as number;
    places[j] = places[i] as number;
    places[i] = other;
  }
  return places;
}
