import t from 'tap';
import { headerKvBytesPerToken } from './kv-cache.ts';

const KiB = 1024;
const reader = (header: Record<string, unknown>) => (key: string) => header[key];

t.test('models people run, from the figures of their headers', async (t) => {
  const models: [name: string, architecture: string, kib: number, header: Record<string, unknown>][] = [
    [
      'Qwen2.5 0.5B, which does not say how long a head is',
      'qwen2',
      12,
      {
        'qwen2.block_count': 24,
        'qwen2.embedding_length': 896,
        'qwen2.attention.head_count': 14,
        'qwen2.attention.head_count_kv': 2,
      },
    ],
    [
      'Llama 3.2 3B',
      'llama',
      112,
      {
        'llama.block_count': 28,
        'llama.embedding_length': 3072,
        'llama.attention.head_count': 24,
        'llama.attention.head_count_kv': 8,
        'llama.attention.key_length': 128,
        'llama.attention.value_length': 128,
      },
    ],
    [
      'Llama 3.1 8B',
      'llama',
      128,
      {
        'llama.block_count': 32,
        'llama.embedding_length': 4096,
        'llama.attention.head_count': 32,
        'llama.attention.head_count_kv': 8,
      },
    ],
    [
      'Llama 3.1 70B',
      'llama',
      320,
      {
        'llama.block_count': 80,
        'llama.embedding_length': 8192,
        'llama.attention.head_count': 64,
        'llama.attention.head_count_kv': 8,
      },
    ],
  ];
  for (const [name, architecture, kib, header] of models)
    t.equal(headerKvBytesPerToken(architecture, reader(header)), kib * KiB, name);
});

t.test('keys and values of different length, layers of different width, and heads that are not grouped', async (t) => {
  const header = {
    'a.block_count': 3,
    'a.embedding_length': 256,
    'a.attention.head_count': 4,
    'a.attention.key_length': 96,
    'a.attention.value_length': 32,
  };
  t.equal(
    headerKvBytesPerToken('a', reader(header)),
    3 * 4 * (96 + 32) * 2,
    'as many as heads where the header is silent',
  );
  const mixed = { ...header, 'a.attention.head_count_kv': [2, 0, 1] };
  t.equal(headerKvBytesPerToken('a', reader(mixed)), 3 * (96 + 32) * 2, 'a layer without attention keeps nothing');
});

t.test('what is not told is unknown, never guessed', async (t) => {
  t.equal(headerKvBytesPerToken('a', reader({})), 0);
  // Ollama leaves long arrays out of its answer: it has the key without the figures.
  const hidden = {
    'a.block_count': 3,
    'a.embedding_length': 256,
    'a.attention.head_count': 4,
    'a.attention.head_count_kv': null,
  };
  t.equal(headerKvBytesPerToken('a', reader(hidden)), 0);
});
