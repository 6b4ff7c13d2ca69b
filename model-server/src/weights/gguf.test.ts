import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { testModels } from '../../../test/fixtures/node-agent/test-models.ts';
import { readGguf } from './gguf.ts';
import { ggufChunks, quantizeQ8, toFloat16 } from './gguf-write.ts';

const folder = await mkdtemp(join(tmpdir(), 'blackroad-gguf-'));
t.teardown(() => rm(folder, { recursive: true }));

t.test('what is written is read back', async (t) => {
  const path = join(folder, 'small.gguf');
  const chunks = ggufChunks(
    [
      { key: 'general.architecture', type: 'string', value: 'tiny' },
      { key: 'general.name', type: 'string', value: 'Tiny ▁ model' },
      { key: 'tokenizer.ggml.tokens', type: 'strings', value: ['a', 'bb', ''] },
      { key: 'tokenizer.ggml.scores', type: 'f32s', value: [1, 2, 3] },
      { key: 'tiny.context_length', type: 'u32', value: 2048 },
      { key: 'tiny.embedding_length', type: 'u32', value: 64 },
      { key: 'tiny.block_count', type: 'u32', value: 3 },
      { key: 'tiny.attention.head_count', type: 'u32', value: 4 },
      { key: 'tiny.attention.head_count_kv', type: 'u32', value: 2 },
      { key: 'tokenizer.chat_template', type: 'string', value: '{{ messages }}' },
    ],
    [
      { name: 'a', shape: [64, 2], weights: new Float32Array(128).fill(0.5), format: 'q8_0' },
      { name: 'b', shape: [3], weights: new Float32Array([1, 2, 3]), format: 'f32' },
    ],
  );
  const bytes = Buffer.concat([...chunks]);
  t.equal(bytes.length % 32, 0, 'padded to the format’s alignment');
  await writeFile(path, bytes);
  t.strictSame(readGguf(path), {
    architecture: 'tiny',
    name: 'Tiny ▁ model',
    kind: 'chat',
    contextTokens: 2048,
    embeddingLength: 64,
    parametersB: 131 / 1e9,
    chatTemplate: '{{ messages }}',
    sizeBytes: bytes.length,
    // keys and values x 3 layers x 2 heads x 16 numbers x 2 bytes
    kvBytesPerToken: 2 * 3 * 2 * 16 * 2,
  });
});

t.test('a figure a layer is read, a long array is stepped over', async (t) => {
  const u32 = (value: number) => Buffer.from(new Uint32Array([value]).buffer);
  const u64 = (value: number) => Buffer.from(new BigUint64Array([BigInt(value)]).buffer);
  const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)]);
  const number = (key: string, value: number) => [text(key), u32(4), u32(value)];
  const list = (key: string, values: number[]) => [text(key), u32(9), u32(5), u64(values.length), ...values.map(u32)];
  const path = join(folder, 'layers.gguf');
  const entries = [
    [text('general.architecture'), u32(8), text('a')],
    list(
      'tokenizer.ggml.token_type',
      Array.from({ length: 5000 }, () => 1),
    ),
    number('a.block_count', 3),
    number('a.embedding_length', 256),
    number('a.attention.head_count', 4),
    list('a.attention.head_count_kv', [2, 0, 1]),
  ];
  const head = [Buffer.from('GGUF'), u32(3), u64(0), u64(entries.length)];
  await writeFile(path, Buffer.concat([...head, ...entries.flat()]));
  t.equal(readGguf(path).kvBytesPerToken, 3 * (64 + 64) * 2);
});

t.test('a damaged file says what is wrong, and costs neither time nor memory', async (t) => {
  const cases: [name: string, bytes: Buffer, message: RegExp][] = [
    ['empty', Buffer.alloc(0), /ends inside its header/],
    ['html', Buffer.from('<!doctype html> an error page of a proxy'), /does not begin with GGUF/],
    [
      'version',
      Buffer.concat([Buffer.from('GGUF'), Buffer.from([9, 0, 0, 0]), Buffer.alloc(16)]),
      /version 9, expected 2 or 3/,
    ],
    [
      'huge',
      Buffer.concat([Buffer.from('GGUF'), Buffer.from([3, 0, 0, 0]), Buffer.alloc(16, 255)]),
      /not a GGUF header/,
    ],
    [
      'cut',
      Buffer.concat([
        Buffer.from('GGUF'),
        Buffer.from([3, 0, 0, 0]),
        Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]),
      ]),
      /ends inside its header/,
    ],
  ];
  for (const [name, bytes, message] of cases) {
    const path = join(folder, `${name}.gguf`);
    await writeFile(path, bytes);
    t.throws(() => readGguf(path), { name: 'GgufError', message }, name);
  }
});

t.test('16-bit floats', async (t) => {
  const known: [number, number][] = [
    [0, 0],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65536, 0x7c00],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -25, 0],
    [2 ** -26, 0],
    [0.1, 0x2e66],
    // half way between two: rounded to the even one
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [Number.POSITIVE_INFINITY, 0x7c00],
  ];
  for (const [value, half] of known) t.equal(toFloat16(value), half, `${value}`);
});

t.test('Q8_0: a scale and 32 signed bytes, halves away from zero', async (t) => {
  const weights = new Float32Array(64);
  weights[0] = 127;
  weights[1] = -127;
  weights[2] = 2.5;
  weights[3] = -2.5;
  const bytes = quantizeQ8(weights);
  t.equal(bytes.length, 68);
  t.equal(bytes.readUInt16LE(0), 0x3c00);
  t.strictSame(
    [...bytes.subarray(2, 6)].map((byte) => (byte << 24) >> 24),
    [127, -127, 3, -3],
  );
  t.ok(
    bytes.subarray(34).every((byte) => byte === 0),
    'a block of zeros stays zero',
  );
});

t.test('the real models', async (t) => {
  const models = await testModels();
  if ('skip' in models) return void t.pass(models.skip, { skip: models.skip });
  t.match(readGguf(models.chat), {
    architecture: 'llama',
    kind: 'chat',
    contextTokens: 8192,
    parametersB: 0.134515008,
    kvBytesPerToken: 23_040,
  });
  t.match(readGguf(models.embed), {
    architecture: 'bert',
    kind: 'embed',
    contextTokens: 512,
    embeddingLength: 384,
  });
});
