// Writes a GGUF file: entries, tensors, weights in F32 or Q8_0. Used by minilm.ts alone.
// In: typed entries and tensors in order. Out: the same bytes for the same input, always: the result is checked by SHA-256.
import { ggufType } from './gguf.ts';

export type GgufEntry =
  | { key: string; type: 'string'; value: string }
  | { key: string; type: 'u32' | 'f32'; value: number }
  | { key: string; type: 'bool'; value: boolean }
  | { key: string; type: 'strings'; value: string[] }
  | { key: string; type: 'i32s' | 'f32s'; value: number[] };

export interface GgufTensor {
  name: string;
  /** Innermost dimension first, as the format requires. */
  shape: number[];
  weights: Float32Array;
  /** Matrices are reduced to 8 bits; norms, biases and tables of positions stay exact. */
  format: 'f32' | 'q8_0';
}

const alignment = 32;
const tensorFormat = { f32: 0, q8_0: 8 } as const;
const blockLength = 32;
const blockBytes = 34;

/** The file as chunks in order; at most one tensor is in memory beside its source. */
export function* ggufChunks(entries: GgufEntry[], tensors: GgufTensor[]): Generator<Buffer> {
  const header: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length)];
  for (const entry of entries) header.push(text(entry.key), entryBytes(entry));
  let offset = 0;
  for (const tensor of tensors) {
    header.push(text(tensor.name), u32(tensor.shape.length), ...tensor.shape.map(u64));
    header.push(u32(tensorFormat[tensor.format]), u64(offset));
    offset = aligned(offset + tensorBytes(tensor));
  }
  const head = Buffer.concat(header);
  yield head;
  yield Buffer.alloc(aligned(head.length) - head.length);
  for (const tensor of tensors) {
    const bytes = tensor.format === 'q8_0' ? quantizeQ8(tensor.weights) : f32Bytes(tensor.weights);
    yield bytes;
    yield Buffer.alloc(aligned(bytes.length) - bytes.length);
  }
}

/** Blocks of 32 weights: a 16-bit scale (largest magnitude / 127) and 32 signed bytes. */
export function quantizeQ8(weights: Float32Array): Buffer {
  const blocks = weights.length / blockLength;
  const out = Buffer.alloc(blocks * blockBytes);
  for (let block = 0; block < blocks; block++) {
    const from = block * blockLength;
    let largest = 0;
    for (let i = 0; i < blockLength; i++) largest = Math.max(largest, Math.abs(weights[from + i]!));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const at = block * blockBytes;
    out.writeUInt16LE(toFloat16(scale), at);
    for (let i = 0; i < blockLength; i++)
      out.writeInt8(roundAway(Math.fround(weights[from + i]! * inverse)), at + 2 + i);
  }
  return out;
}

/** Nearest 16-bit float, ties to even. */
export function toFloat16(value: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 127;
  const fraction = word & 0x7fffff;
  if (exponent === 128) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  if (exponent > 15) return sign | 0x7c00;
  if (exponent >= -14) return sign | roundedShift(((exponent + 15) << 23) | fraction, 13);
  if (exponent < -25) return sign;
  return sign | roundedShift(fraction | 0x800000, -exponent - 1);
}

function roundedShift(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & (2 ** shift - 1);
  const half = 2 ** (shift - 1);
  return rest > half || (rest === half && kept & 1) ? kept + 1 : kept;
}

// Like C's roundf: halves are rounded away from zero, unlike by Math.round.
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(-value + 0.5) : Math.floor(value + 0.5);
}

function tensorBytes(tensor: GgufTensor): number {
  return tensor.format === 'q8_0' ? (tensor.weights.length / blockLength) * blockBytes : tensor.weights.length * 4;
}

function entryBytes(entry: GgufEntry): Buffer {
  switch (entry.type) {
    case 'string':
      return Buffer.concat([u32(ggufType.string), text(entry.value)]);
    case 'u32':
      return Buffer.concat([u32(ggufType.u32), u32(entry.value)]);
    case 'f32':
      return Buffer.concat([u32(ggufType.f32), f32(entry.value)]);
    case 'bool':
      return Buffer.concat([u32(ggufType.bool), Buffer.from([entry.value ? 1 : 0])]);
    case 'strings':
      return array(ggufType.string, entry.value.map(text));
    case 'i32s':
      return array(ggufType.i32, entry.value.map(i32));
    case 'f32s':
      return array(ggufType.f32, entry.value.map(f32));
  }
}

function array(elementType: number, elements: Buffer[]): Buffer {
  return Buffer.concat([u32(ggufType.array), u32(elementType), u64(elements.length), ...elements]);
}

const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
const fixed = (bytes: number, write: (buffer: Buffer) => void) => {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
};
const u32 = (value: number) => fixed(4, (buffer) => buffer.writeUInt32LE(value));
const i32 = (value: number) => fixed(4, (buffer) => buffer.writeInt32LE(value));
const f32 = (value: number) => fixed(4, (buffer) => buffer.writeFloatLE(value));
const u64 = (value: number) => fixed(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);
const f32Bytes = (weights: Float32Array) => Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength);
