// Makes a GGUF of all-MiniLM-L6-v2 (Q8_0, 25 MB) from its original weights: `model.safetensors` and `vocab.txt`. Package indexes and the
// hub both have those two files, equal bit by bit, so every node gets the same GGUF, with one SHA-256, and the vectors of two nodes can be
// compared. In: two paths. Out: the chunks of the file.
import { open, readFile } from 'node:fs/promises';
import { type GgufEntry, type GgufTensor, ggufChunks } from './gguf-write.ts';

const layers = 6;
const maxHeaderBytes = 4 * 1024 * 1024;

interface SafeTensor {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Chunks of the GGUF; throws an Error naming what is wrong with the sources. */
export async function minilmChunks(safetensorsPath: string, vocabPath: string): Promise<Iterable<Buffer>> {
  const tokens = (await readFile(vocabPath, 'utf8')).trimEnd().split('\n');
  const tensors = await readTensors(safetensorsPath);
  return ggufChunks(entriesOf(tokens), tensors);
}

function entriesOf(tokens: string[]): GgufEntry[] {
  const idOf = (token: string) => {
    const id = tokens.indexOf(token);
    if (id < 0) throw new Error(`vocab.txt has no ${token}: it is not the vocabulary of all-MiniLM-L6-v2`);
    return id;
  };
  const isControl = (token: string) => /^\[.+\]$/.test(token);
  return [
    { key: 'general.architecture', type: 'string', value: 'bert' },
    { key: 'general.name', type: 'string', value: 'all-MiniLM-L6-v2' },
    { key: 'general.license', type: 'string', value: 'apache-2.0' },
    { key: 'general.file_type', type: 'u32', value: 7 },
    { key: 'bert.context_length', type: 'u32', value: 512 },
    { key: 'bert.embedding_length', type: 'u32', value: 384 },
    { key: 'bert.block_count', type: 'u32', value: layers },
    { key: 'bert.feed_forward_length', type: 'u32', value: 1536 },
    { key: 'bert.attention.head_count', type: 'u32', value: 12 },
    { key: 'bert.attention.layer_norm_epsilon', type: 'f32', value: 1e-12 },
    { key: 'bert.attention.causal', type: 'bool', value: false },
    { key: 'bert.pooling_type', type: 'u32', value: 1 },
    { key: 'tokenizer.ggml.model', type: 'string', value: 'bert' },
    { key: 'tokenizer.ggml.tokens', type: 'strings', value: tokens.map((token) => pieceOf(token, isControl(token))) },
    // 3 = control, 1 = normal, by the format's specification.
    { key: 'tokenizer.ggml.token_type', type: 'i32s', value: tokens.map((token) => (isControl(token) ? 3 : 1)) },
    { key: 'tokenizer.ggml.token_type_count', type: 'u32', value: 2 },
    { key: 'tokenizer.ggml.unknown_token_id', type: 'u32', value: idOf('[UNK]') },
    { key: 'tokenizer.ggml.seperator_token_id', type: 'u32', value: idOf('[SEP]') },
    { key: 'tokenizer.ggml.padding_token_id', type: 'u32', value: idOf('[PAD]') },
    { key: 'tokenizer.ggml.cls_token_id', type: 'u32', value: idOf('[CLS]') },
    { key: 'tokenizer.ggml.mask_token_id', type: 'u32', value: idOf('[MASK]') },
    { key: 'tokenizer.ggml.bos_token_id', type: 'u32', value: idOf('[CLS]') },
    { key: 'tokenizer.ggml.eos_token_id', type: 'u32', value: idOf('[SEP]') },
  ];
}

// llama.cpp marks the beginning of a word; WordPiece marks its continuation.
function pieceOf(token: string, control: boolean): string {
  if (control) return token;
  return token.startsWith('##') ? token.slice(2) : `\u2581${token}`;
}

function ggufNames(): Map<string, string> {
  const names = new Map<string, string>([
    ['embeddings.word_embeddings.weight', 'token_embd.weight'],
    ['embeddings.token_type_embeddings.weight', 'token_types.weight'],
    ['embeddings.position_embeddings.weight', 'position_embd.weight'],
    ['embeddings.LayerNorm.weight', 'token_embd_norm.weight'],
    ['embeddings.LayerNorm.bias', 'token_embd_norm.bias'],
  ]);
  const parts: [string, string][] = [
    ['attention.self.query', 'attn_q'],
    ['attention.self.key', 'attn_k'],
    ['attention.self.value', 'attn_v'],
    ['attention.output.dense', 'attn_output'],
    ['attention.output.LayerNorm', 'attn_output_norm'],
    ['intermediate.dense', 'ffn_up'],
    ['output.dense', 'ffn_down'],
    ['output.LayerNorm', 'layer_output_norm'],
  ];
  for (let layer = 0; layer < layers; layer++) {
    for (const [from, to] of parts) {
      for (const suffix of ['weight', 'bias']) {
        names.set(`encoder.layer.${layer}.${from}.${suffix}`, `blk.${layer}.${to}.${suffix}`);
      }
    }
  }
  return names;
}

async function readTensors(path: string): Promise<GgufTensor[]> {
  const file = await open(path, 'r');
  try {
    const length = Buffer.alloc(8);
    await file.read(length, 0, 8, 0);
    const headerBytes = Number(length.readBigUInt64LE(0));
    if (headerBytes < 2 || headerBytes > maxHeaderBytes) throw new Error(`${path} is not a safetensors file`);
    const header = Buffer.alloc(headerBytes);
    await file.read(header, 0, headerBytes, 8);
    const listed = JSON.parse(header.toString('utf8')) as Record<string, SafeTensor>;
    const tensors: GgufTensor[] = [];
    for (const [source, name] of ggufNames()) {
      const found = listed[source];
      if (!found) throw new Error(`${path} has no tensor ${source}: not all-MiniLM-L6-v2`);
      if (found.dtype !== 'F32') throw new Error(`${path}: ${source} is ${found.dtype}, expected F32`);
      const [from, to] = found.data_offsets;
      const bytes = Buffer.alloc(to - from);
      await file.read(bytes, 0, bytes.length, 8 + headerBytes + from);
      const isMatrix = found.shape.length === 2 && name !== 'token_types.weight' && name !== 'position_embd.weight';
      tensors.push({
        name,
        shape: found.shape.toReversed(),
        weights: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
        format: isMatrix ? 'q8_0' : 'f32',
      });
    }
    return tensors;
  } finally {
    await file.close();
  }
}
