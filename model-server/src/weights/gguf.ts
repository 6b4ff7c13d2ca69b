// Reads the header of a GGUF file (architecture, context, parameters, chat or embed) and writes small GGUF files. In: a path. Out: plain
// facts, without loading weights and without native code, so that the node-agent can list its models folder cheaply. A file that is no
// GGUF, or an incomplete one, throws a GgufError; every length in the file is checked before use.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { headerKvBytesPerToken } from './kv-cache.ts';

type GgufValue = string | number | bigint | boolean | GgufArray;
interface GgufArray {
  elementType: GgufType;
  length: number;
  /** The values of a short array of integers, e.g. one a layer. */
  values?: number[];
}

/** Numbers of the format's specification. */
export const ggufType = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
  i64: 11,
  f64: 12,
} as const;
type GgufType = (typeof ggufType)[keyof typeof ggufType];

export interface GgufFacts {
  architecture: string;
  name: string;
  kind: 'chat' | 'embed';
  /** Tokens the model was trained on; 0 when the file does not have it. */
  contextTokens: number;
  /** Length of the model's vectors. */
  embeddingLength: number;
  parametersB: number;
  chatTemplate: string;
  sizeBytes: number;
  /** Bytes of keys and values for one token, 16-bit; 0 when unknown. */
  kvBytesPerToken: number;
}

const scalarBytes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
// Vocabularies of 250,000 words with merges take about 12 MB; a larger header is not real.
const maxHeaderBytes = 64 * 1024 * 1024;
const windowBytes = 128 * 1024;
const maxEntries = 1_000_000;
const maxKeptValues = 1024;
const integerTypes = new Set<number>([0, 1, 2, 3, 4, 5]);

class GgufError extends Error {
  constructor(path: string, message: string) {
    super(`${path}: ${message}`);
    this.name = 'GgufError';
  }
}

/** Reads the header through a small window. Synchronous: a promise for each of 100,000 words took 60 MB of garbage. */
class Cursor {
  private readonly window = Buffer.allocUnsafe(windowBytes);
  private start = 0;
  private end = 0;
  private fileOffset = 0;
  private readonly path: string;
  private readonly file: number;
  constructor(path: string, file: number) {
    this.path = path;
    this.file = file;
  }
  /** Position of the next `bytes` bytes in the window, at most a window's length. */
  private take(bytes: number): number {
    if (this.end - this.start < bytes) this.fill(bytes);
    const at = this.start;
    this.start += bytes;
    return at;
  }
  private fill(bytes: number): void {
    this.window.copy(this.window, 0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    if (this.fileOffset > maxHeaderBytes) throw new GgufError(this.path, 'its header is longer than 64 MiB');
    const read = readSync(this.file, this.window, this.end, windowBytes - this.end, this.fileOffset);
    this.fileOffset += read;
    this.end += read;
    if (this.end < bytes) throw new GgufError(this.path, 'the file ends inside its header: it is cut or damaged');
  }
  u32(): number {
    return this.window.readUInt32LE(this.take(4));
  }
  count(what: string): number {
    const value = this.window.readBigUInt64LE(this.take(8));
    if (value > 0xffff_ffffn) throw new GgufError(this.path, `${what} is ${value}: not a GGUF header`);
    return Number(value);
  }
  string(): string {
    const length = this.count('a text length');
    if (length > windowBytes) {
      this.skip(length);
      return '';
    }
    const at = this.take(length);
    return this.window.toString('utf8', at, at + length);
  }
  skipString(): void {
    this.skip(this.count('a text length'));
  }
  skip(bytes: number): void {
    const buffered = Math.min(bytes, this.end - this.start);
    this.start += buffered;
    // Bytes outside the window are skipped, not read; a position beyond the file is detected at the next read.
    this.fileOffset += bytes - buffered;
  }
  value(type: number): GgufValue {
    if (type === ggufType.string) return this.string();
    if (type === ggufType.array) return this.array();
    const bytes = scalarBytes[type];
    if (bytes === undefined) throw new GgufError(this.path, `value type ${type} is unknown: not a GGUF header`);
    const at = this.take(bytes);
    const { window } = this;
    switch (type) {
      case ggufType.u8:
        return window.readUInt8(at);
      case ggufType.i8:
        return window.readInt8(at);
      case ggufType.u16:
        return window.readUInt16LE(at);
      case ggufType.i16:
        return window.readInt16LE(at);
      case ggufType.u32:
        return window.readUInt32LE(at);
      case ggufType.i32:
        return window.readInt32LE(at);
      case ggufType.f32:
        return window.readFloatLE(at);
      case ggufType.bool:
        return window.readUInt8(at) !== 0;
      case ggufType.u64:
        return window.readBigUInt64LE(at);
      case ggufType.i64:
        return window.readBigInt64LE(at);
      default:
        return window.readDoubleLE(at);
    }
  }
  /** Long arrays (vocabularies) are counted and skipped. */
  private array(): GgufArray {
    const elementType = this.u32() as GgufType;
    const length = this.count('an array length');
    if (integerTypes.has(elementType) && length <= maxKeptValues) {
      return { elementType, length, values: Array.from({ length }, () => this.value(elementType) as number) };
    }
    if (elementType === ggufType.string) for (let i = 0; i < length; i++) this.skipString();
    else {
      const bytes = scalarBytes[elementType];
      if (bytes === undefined)
        throw new GgufError(this.path, `array type ${elementType} is unknown: not a GGUF header`);
      this.skip(bytes * length);
    }
    return { elementType, length };
  }
}

/** Facts of the GGUF file at `path`; throws GgufError when it is not one or is damaged. */
export function readGguf(path: string): GgufFacts {
  const file = openSync(path, 'r');
  try {
    const sizeBytes = fstatSync(file).size;
    const cursor = new Cursor(path, file);
    if (cursor.u32() !== 0x46554747) throw new GgufError(path, 'it does not begin with GGUF: not a model file');
    const version = cursor.u32();
    if (version !== 2 && version !== 3) throw new GgufError(path, `GGUF version ${version}, expected 2 or 3`);
    const tensors = cursor.count('the number of tensors');
    const entries = cursor.count('the number of entries');
    if (tensors > maxEntries || entries > maxEntries) throw new GgufError(path, 'more than a million entries: damaged');
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < entries; i++) metadata.set(cursor.string(), cursor.value(cursor.u32()));
    let parameters = 0;
    for (let i = 0; i < tensors; i++) {
      cursor.skipString();
      const dimensions = cursor.u32();
      if (dimensions > 8) throw new GgufError(path, `a tensor with ${dimensions} dimensions: damaged`);
      let elements = 1;
      for (let d = 0; d < dimensions; d++) elements *= cursor.count('a dimension');
      cursor.u32();
      cursor.count('an offset');
      parameters += elements;
    }
    return factsOf(metadata, parameters, sizeBytes);
  } finally {
    closeSync(file);
  }
}

function factsOf(metadata: Map<string, GgufValue>, parameters: number, sizeBytes: number): GgufFacts {
  const text = (key: string) => (typeof metadata.get(key) === 'string' ? (metadata.get(key) as string) : '');
  const number = (key: string) => {
    const value = metadata.get(key);
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
  };
  const architecture = text('general.architecture');
  // The header of an encoder has a pooling type or non-causal attention; every other model answers.
  const embeds =
    metadata.has(`${architecture}.pooling_type`) || metadata.get(`${architecture}.attention.causal`) === false;
  const plain = (key: string) => {
    const value = metadata.get(key);
    return typeof value === 'object' ? (value.values ?? null) : value;
  };
  return {
    architecture,
    name: text('general.name'),
    kind: embeds ? 'embed' : 'chat',
    contextTokens: number(`${architecture}.context_length`),
    embeddingLength: number(`${architecture}.embedding_length`),
    parametersB: parameters / 1e9,
    chatTemplate: text('tokenizer.chat_template'),
    sizeBytes,
    kvBytesPerToken: embeds ? 0 : headerKvBytesPerToken(architecture, plain),
  };
}
