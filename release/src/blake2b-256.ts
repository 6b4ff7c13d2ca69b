// BLAKE2b with 32 bytes of output [RFC 7693], for the checksum in minisign's secret keys; Node's own has 64 bytes alone. For some hundred
// bytes: it counts with BigInt.
const blockBytes = 128;
const outBytes = 32;
const rounds = 12;
const mask = 2n ** 64n - 1n;
const start: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];
/** The order of the words of a block in each round, in hex. */
const orders: readonly string[] = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0',
];
/** The columns of the state, then its diagonals. */
const mixes = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

const turned = (word: bigint, by: bigint) => ((word >> by) | (word << (64n - by))) & mask;

function mix(v: BigUint64Array, [a, b, c, d]: (typeof mixes)[number], x: bigint, y: bigint): void {
  v[a] = v[a]! + v[b]! + x;
  v[d] = turned(v[d]! ^ v[a]!, 32n);
  v[c] = v[c]! + v[d]!;
  v[b] = turned(v[b]! ^ v[c]!, 24n);
  v[a] = v[a]! + v[b]! + y;
  v[d] = turned(v[d]! ^ v[a]!, 16n);
  v[c] = v[c]! + v[d]!;
  v[b] = turned(v[b]! ^ v[c]!, 63n);
}

function compress(h: BigUint64Array, block: Buffer, counted: number, isLast: boolean): void {
  const v = BigUint64Array.from([...h, ...start]);
  v[12] = v[12]! ^ BigInt(counted);
  if (isLast) v[14] = v[14]! ^ mask;
  for (let round = 0; round < rounds; round++) {
    const order = orders[round % orders.length] as string;
    const word = (at: number) => block.readBigUInt64LE(8 * Number.parseInt(order[at] as string, 16));
    for (const [at, lanes] of mixes.entries()) mix(v, lanes, word(2 * at), word(2 * at + 1));
  }
  for (let at = 0; at < h.length; at++) h[at] = h[at]! ^ v[at]! ^ v[at + 8]!;
}

export function blake2b256(bytes: Uint8Array): Buffer {
  const h = BigUint64Array.from(start);
  h[0] = h[0]! ^ 0x01010000n ^ BigInt(outBytes);
  const blocks = Math.max(1, Math.ceil(bytes.length / blockBytes));
  for (let at = 0; at < blocks; at++) {
    const block = Buffer.alloc(blockBytes);
    block.set(bytes.subarray(at * blockBytes, (at + 1) * blockBytes));
    compress(h, block, Math.min(bytes.length, (at + 1) * blockBytes), at === blocks - 1);
  }
  const out = Buffer.alloc(outBytes);
  for (let at = 0; at < outBytes / 8; at++) out.writeBigUInt64LE(h[at]!, at * 8);
  return out;
}
