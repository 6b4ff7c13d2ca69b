// The only file that calls Math.random or the system's entropy: the simulator replaces both by a seed.
import { randomBytes } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** `count` bytes as lower-case hex. */
  hex(count: number): string;
}

/** Entropy is read in blocks of this many bytes: a call for each id was 2 % of a coordinator under load. [M] */
const poolBytes = 4096;
let pool = Buffer.alloc(0);
function fromPool(count: number): string {
  if (count > poolBytes) return randomBytes(count).toString('hex');
  if (pool.length < count) pool = randomBytes(poolBytes);
  const taken = pool.subarray(0, count);
  pool = pool.subarray(count);
  const text = taken.toString('hex');
  // The id may become a secret: no copy of it stays in the pool.
  taken.fill(0);
  return text;
}

export const systemRandom: Random = {
  next: () => Math.random(),
  hex: fromPool,
};

/** Deterministic random numbers for tests and the simulator (mulberry32). Never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return {
    next,
    hex: (count) =>
      Array.from({ length: count }, () =>
        Math.floor(next() * 256)
          .toString(16)
          .padStart(2, '0'),
      ).join(''),
  };
}

const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** A 26-character id that sorts by time (ULID, lower case): 48 bits of `nowMs`, 80 random bits. */
export function sortableId(nowMs: number, random: Random): string {
  let time = '';
  for (let rest = Math.max(0, Math.floor(nowMs)), i = 0; i < 10; i++, rest = Math.floor(rest / 32)) {
    time = crockford[rest % 32] + time;
  }
  let tail = '';
  const bytes = Buffer.from(random.hex(10), 'hex');
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      tail += crockford[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return time + tail;
}
