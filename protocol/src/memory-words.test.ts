// What people are told of the vectors of memories: whether questions are answered by meaning, who makes the vectors, and why nobody does.
import t from 'tap';
import type { MemoryVectors } from './memory.ts';
import { vectorsInWords } from './memory-words.ts';

const embedder = { state: 'resting', model: 'all-minilm-l6-v2', text: null } as const;
const all: MemoryVectors = {
  ...{ model: 'all-minilm-l6-v2', isChosen: false, searched: 'all-minilm-l6-v2' },
  ...{ memories: 5, looked: 5, made: 5, refused: 0, why: null, maker: 'coordinator', embedder },
};
const some = { ...all, looked: 2, searched: null };

t.test('each memory has a vector', async (t) => {
  const found = 'Memories are found by meaning too: each has a vector of all-minilm-l6-v2.';
  t.equal(vectorsInWords(all), `${found} The coordinator makes the vectors itself.`);
  t.equal(vectorsInWords({ ...all, maker: 'node' }), `${found} A node makes the vectors.`);
  const { maker: _, embedder: __, ...older } = all;
  t.equal(vectorsInWords(older), found, 'an older coordinator does not say who');
  const words =
    'Each memory has a vector of all-minilm-l6-v2, but questions get none: memories are found by their words alone.';
  const none = { ...all, maker: 'nobody' } as const;
  t.equal(
    vectorsInWords({ ...none, embedder: null }),
    `${words} No node has all-minilm-l6-v2 now, and the coordinator makes no vectors itself (--embedder off).`,
  );
  t.equal(
    vectorsInWords({ ...none, embedder: { ...embedder, state: 'failed', text: 'it could not load it: no memory' } }),
    `${words} No node has all-minilm-l6-v2 now, and the coordinator cannot make vectors itself: it could not load it: no memory.`,
  );
  t.equal(
    vectorsInWords({ ...none, embedder: { ...embedder, model: 'bge-m3' } }),
    `${words} No node has all-minilm-l6-v2 now, and the coordinator's own embedder has bge-m3.`,
  );
});

t.test('on the way there', async (t) => {
  const far = 'Memories get a vector of all-minilm-l6-v2: 2 of 5 looked at, newest first.';
  const fetching = {
    ...embedder,
    state: 'fetching' as const,
    text: 'downloading from the model hub, 12 MiB of 87 MiB',
  };
  t.equal(
    vectorsInWords({ ...some, embedder: fetching }),
    `${far} The coordinator fetches all-minilm-l6-v2: downloading from the model hub, 12 MiB of 87 MiB.`,
  );
  t.equal(vectorsInWords({ ...some, why: 'Why it does.' }), `${far} It waits: Why it does.`);
  const without = { ...all, model: null, looked: 0, searched: null, maker: 'nobody' } as const;
  t.equal(
    vectorsInWords({ ...without, embedder: null }),
    'No memory has a vector: memories are found by their words alone. No node makes vectors, and neither does the coordinator (--embedder off).',
  );
  t.equal(vectorsInWords(without), 'No memory has a vector: memories are found by their words alone.');
});
