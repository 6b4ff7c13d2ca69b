// What a node may be asked to fetch: its own catalogue where it has one, else what this fleet wants and what fits; never what it has.
import type { Catalogue, NodeView } from '@blackroad/protocol';
import t from 'tap';
import { canFetch, lacksModel, progressInWords, suggestions, underWay } from './fetching.ts';

type Capacity = NonNullable<NodeView['capacity']>;
const capacity = (over: object) =>
  ({
    models: [],
    pulls: ['llama'],
    memoryTotalBytes: 4e9,
    diskFreeBytes: 1e10,
    defaultChat: null,
    embedder: null,
    ...over,
  }) as unknown as Capacity;
const chat = (name: string, aliases: string[] = []) => ({ name, aliases, kind: 'chat' });
const catalogue = {
  missing: [{ name: 'wanted:7b', agents: 1 }],
  models: [
    { name: 'fits', kind: 'chat', sizeBytes: 1e9, residentBytes: 0, runtimes: ['ollama'] },
    { name: 'large', kind: 'chat', sizeBytes: 9e9, residentBytes: 0, runtimes: ['ollama'] },
    { name: 'elsewhere', kind: 'chat', sizeBytes: 1e9, residentBytes: 0, runtimes: ['openai'] },
    { name: 'vectors', kind: 'embed', sizeBytes: 1e8, residentBytes: 0, runtimes: ['ollama'] },
  ],
} as unknown as Catalogue;

t.test('a catalogue of its own is all there is', async (t) => {
  const own = capacity({ fetchable: ['qwen', 'smol'] });
  t.same(suggestions(own, catalogue), ['qwen', 'smol']);
  t.same(suggestions(capacity({ fetchable: ['qwen', 'smol'], models: [chat('qwen-1.5b', ['qwen'])] }), null), ['smol']);
  const fetches = [{ model: 'smol', status: '', completedBytes: 0, totalBytes: 0, problem: 'no network' }];
  t.same(suggestions(capacity({ fetchable: ['qwen', 'smol'], fetches }), null), ['smol', 'qwen'], 'what failed first');
});

t.test('a registry without end: what is wanted, what fits, what is well known', async (t) => {
  const names = suggestions(capacity({ pulls: ['ollama'] }), catalogue);
  t.same(names.slice(0, 2), ['wanted:7b', 'fits']);
  t.ok(names.includes('qwen2.5:1.5b'));
  for (const name of ['large', 'elsewhere', 'vectors']) t.notOk(names.includes(name), name);
  t.same(suggestions(capacity({ pulls: [] }), catalogue), [], 'nothing there fetches');
  t.equal(canFetch(capacity({ pulls: undefined })), false);
  t.equal(canFetch(null), false);
});

t.test('whether it can talk, and how far a fetch is', async (t) => {
  t.equal(lacksModel(null), false, 'not heard of');
  t.equal(lacksModel(capacity({ models: [{ name: 'v', aliases: [], kind: 'embed' }] })), true);
  t.equal(lacksModel(capacity({ models: [chat('q')] })), false);
  const fetch = { model: 'q', status: 'pulling manifest', completedBytes: 0, totalBytes: 0 };
  t.equal(progressInWords(fetch), 'pulling manifest');
  t.equal(progressInWords({ ...fetch, completedBytes: 2 ** 29, totalBytes: 2 ** 30 }), '50 %, 512 MiB of 1.0 GiB');
  t.equal(progressInWords({ ...fetch, problem: 'no network' }), 'no network');
  t.same(underWay(capacity({ fetches: [fetch, { ...fetch, model: 'r', problem: 'x' }] })), [fetch]);
});
