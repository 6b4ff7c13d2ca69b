// Reads the header of a GGUF file (architecture, context, parameters, chat or embed) and writes small GGUF files.
// In: a path. Out: plain facts, without loading weights and without native code, so that the node-agent can list its
// models folder cheaply. A file that is no GGUF, or a cut one, is an error that says so; nothing here trusts a length it reads.
import { open } from 'node:fs/promises';

export type GgufValue = string | number | bigint | boolean | GgufArray;
export interface GgufArray {
  elementType: GgufType;
  length: number;
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
export type GgufType = (typeof ggufType)[keyof typeof ggufType];

export interface GgufFacts {
  architecture: string;
  name: string;
  kind: 'chat' | 'embed';
  /** Tokens the model was trained on; 0 when the file does not say. */
  contextTokens: number;
  /** Length of its vectors. */
  embeddingLength: number;
  parametersB: number;
  chatTemplate: string;
  sizeBytes: number;
  /** Bytes of keys and values one token takes, 16-bit; 0 when unknown. */
  kvBytesPerToken: number;
}

const scalarBytes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
// Vocabularies of 250,000 words with merges take about 12 MB; more than this is no header.
const maxHeaderBytes = 64 * 1024 * 1024;
const maxKeptStringBytes = 256 * 1024;
const maxEntries = 1_000_000;

export class GgufError extends Error {
  constructor(path: string, message: string) {
    super(`${path}: ${message}`);
    this.name = 'GgufError';
  }
}

class Cursor {
  private buffer = Buffer.alloc(0);
  private at = 0;
  private fileOffset = 0;
  private readonly path: string;
  private readonly read: (offset: number, length: number) => Promise<Buffer>;
  constructor(path: string, read: (offset: number, length: number) => Promise<Buffer>) {
    this.path = path;
    this.read = read;
  }
  async need(bytes: number): Promise<void> {
    if (this.buffer.length - this.at >= bytes) return;
    if (this.fileOffset > maxHeaderBytes) throw new GgufError(this.path, 'its header is longer than 64 MiB');
    const rest = this.buffer.subarray(this.at);
    const more = await this.read(this.fileOffset, Math.max(1024 * 1024, bytes));
    this.fileOffset += more.length;
    this.buffer = Buffer.concat([rest, more]);
    this.at = 0;
    if (this.buffer.length < bytes)
      throw new GgufError(this.path, 'the file ends inside its header: it is cut or damaged');
  }
  async u32(): Promise<number> {
    await this.need(4);
    const value = this.buffer.readUInt32LE(this.at);
    this.at += 4;
    return value;
  }
  async count(what: string): Promise<number> {
    await this.need(8);
    const value = this.buffer.readBigUInt64LE(this.at);
    this.at += 8;
    if (value > 0xffff_ffffn) throw new GgufError(this.path, `${what} is ${value}: not a GGUF header`);
    return Number(value);
  }
  async string(): Promise<string> {
    const length = await this.count('a text length');
    if (length > maxKeptStringBytes) {
      await this.skip(length);
      return '';
    }
    await this.need(length);
    const value = this.buffer.toString('utf8', this.at, this.at + length);
    this.at += length;
    return value;
  }
  async skipString(): Promise<void> {
    await this.skip(await this.count('a text length'));
  }
  async skip(bytes: number): Promise<void> {
    let left = bytes;
    while (left > 0) {
      await this.need(1);
      const step = Math.min(left, this.buffer.length - this.at);
      this.at += step;
      left -= step;
    }
  }
  async value(type: number): Promise<GgufValue> {
    if (type === ggufType.string) return this.string();
    if (type === ggufType.array) return this.array();
    const bytes = scalarBytes[type];
    if (bytes === undefined) throw new GgufError(this.path, `value type ${type} is unknown: not a GGUF header`);
    await this.need(bytes);
    const at = this.at;
    this.at += bytes;
    switch (type) {
      case ggufType.u8:
        return this.buffer.readUInt8(at);
      case ggufType.i8:
        return this.buffer.readInt8(at);
      case ggufType.u16:
        return this.buffer.readUInt16LE(at);
      case ggufType.i16:
        return this.buffer.readInt16LE(at);
      case ggufType.u32:
        return this.buffer.readUInt32LE(at);
      case ggufType.i32:
        return this.buffer.readInt32LE(at);
      case ggufType.f32:
        return this.buffer.readFloatLE(at);
      case ggufType.bool:
        return this.buffer.readUInt8(at) !== 0;
      case ggufType.u64:
        return this.buffer.readBigUInt64LE(at);
      case ggufType.i64:
        return this.buffer.readBigInt64LE(at);
      default:
        return this.buffer.readDoubleLE(at);
    }
  }
  /** Arrays (vocabularies) are counted and skipped. */
  private async array(): Promise<GgufArray> {
    const elementType = (await this.u32()) as GgufType;
    const length = await this.count('an array length');
    if (elementType === ggufType.string) for (let i = 0; i < length; i++) await this.skipString();
    else {
      const bytes = scalarBytes[elementType];
      if (bytes === undefined)
        throw new GgufError(this.path, `array type ${elementType} is unknown: not a GGUF header`);
      await this.skip(bytes * length);
    }
    return { elementType, length };
  }
}

/** Facts of the GGUF file at `path`; throws GgufError when it is none or is damaged. */
export async function readGguf(path: string): Promise<GgufFacts> {
  const file = await open(path, 'r');
  try {
    const sizeBytes = (await file.stat()).size;
    const cursor = new Cursor(path, async (offset, length) => {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, sizeBytes - offset)));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
      return buffer.subarray(0, bytesRead);
    });
    if ((await cursor.u32()) !== 0x46554747) throw new GgufError(path, 'it does not begin with GGUF: not a model file');
    const version = await cursor.u32();
    if (version !== 2 && version !== 3) throw new GgufError(path, `GGUF version ${version}, expected 2 or 3`);
    const tensors = await cursor.count('the number of tensors');
    const entries = await cursor.count('the number of entries');
    if (tensors > maxEntries || entries > maxEntries) throw new GgufError(path, 'more than a million entries: damaged');
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < entries; i++) {
      const key = await cursor.string();
      metadata.set(key, await cursor.value(await cursor.u32()));
    }
    let parameters = 0;
    for (let i = 0; i < tensors; i++) {
      await cursor.skipString();
      const dimensions = await cursor.u32();
      if (dimensions > 8) throw new GgufError(path, `a tensor with ${dimensions} dimensions: damaged`);
      let elements = 1;
      for (let d = 0; d < dimensions; d++) elements *= await cursor.count('a dimension');
      await cursor.u32();
      await cursor.count('an offset');
      parameters += elements;
    }
    return factsOf(metadata, parameters, sizeBytes);
  } finally {
    await file.close();
  }
}

function factsOf(metadata: Map<string, GgufValue>, parameters: number, sizeBytes: number): GgufFacts {
  const text = (key: string) => (typeof metadata.get(key) === 'string' ? (metadata.get(key) as string) : '');
  const number = (key: string) => {
    const value = metadata.get(key);
    return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0;
  };
  const architecture = text('general.architecture');
  // An encoder says how it pools or that its attention looks both ways; everything else answers.
  const embeds =
    metadata.has(`${architecture}.pooling_type`) || metadata.get(`${architecture}.attention.causal`) === false;
  const heads = number(`${architecture}.attention.head_count`);
  const embeddingLength = number(`${architecture}.embedding_length`);
  const keyLength = number(`${architecture}.attention.key_length`) || (heads > 0 ? embeddingLength / heads : 0);
  const kvHeads = number(`${architecture}.attention.head_count_kv`) || heads;
  return {
    architecture,
    name: text('general.name'),
    kind: embeds ? 'embed' : 'chat',
    contextTokens: number(`${architecture}.context_length`),
    embeddingLength,
    parametersB: parameters / 1e9,
    chatTemplate: text('tokenizer.chat_template'),
    sizeBytes,
    kvBytesPerToken: embeds ? 0 : 2 * number(`${architecture}.block_count`) * kvHeads * keyLength * 2,
  };
}
