// Searching memories over HTTP: by meaning as well, where a node has the model that made their vectors, and by words alone where none answers.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ggufChunks } from '@blackroad/model-server/weights/gguf-write';
import { encodeVector, type MemoryHit, type MemoryVectors } from '@blackroad/protocol';
import { vectorsInWords } from '@blackroad/protocol/memory-words';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { until } from '../../../test/fixtures/until.ts';
import { Embedder } from '../embedder/embedder.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';

const agent = 'ada';
const model = 'tiny-embed';
const vector = (...values: number[]) => encodeVector(Float32Array.from(values));
const remembered = (text: string, ...values: number[]) => ({
  text,
  embedding: { model, dimension: values.length, vector: vector(...values) },
});

async function opened(
  t: { teardown(run: () => unknown): unknown },
  payloads: Parameters<typeof memoryEntries>[1],
  embedder?: Embedder,
) {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  // Before a coordinator has the store.
  const term = await store.claim('test');
  await store.commit([{ type: 'memory', space: 'default', agent, entries: memoryEntries(agent, payloads) }], term);
  const fleet = await openApiFleet({ store, ...(embedder ? { embedder } : {}) });
  t.teardown(() => fleet.close());
  return fleet;
}
const search = async (fleet: ApiFleet, q: string) =>
  (await fleet.call<MemoryHit[]>('GET', `/v1/memory/search?q=${q}`, { key: fleet.keys.viewer })).body.map(
    ({ text, found }) => `${text}: ${found?.join(' and ')}`,
  );
/** A node that makes this vector of any text. */
const makes =
  (...values: number[]) =>
  ({ request, part }: ModelWork) => {
    for (const _ of request.texts ?? []) part({ events: [{ vector: vector(...values) }] });
    part({ end: { reason: 'stop' } });
  };
const both = [remembered('The bicycle is in the garage', 1, 0, 0), remembered('Tea at eight', 0, 1, 0)];

t.test('a question that has none of its words is answered by what it means', async (t) => {
  const fleet = await opened(t, both);
  t.same(await search(fleet, 'velo'), [], 'no node has the model yet: words alone');
  await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], makes(0.9, 0.1, 0));
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning'], 'tea is about something else');
  t.same(await search(fleet, 'bicycle'), ['The bicycle is in the garage: words and meaning']);
  t.same(await search(fleet, 'tea'), ['Tea at eight: words', 'The bicycle is in the garage: meaning']);
});

t.test('a node that fails, is late, or makes other vectors leaves a search by words', async (t) => {
  const fleet = await opened(t, both);
  let work: (work: ModelWork) => void = ({ fail }) => fail('model-failed' as never);
  await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], (asked) => work(asked));
  t.same(await search(fleet, 'bicycle'), ['The bicycle is in the garage: words']);
  work = makes(1, 0);
  t.same(await search(fleet, 'bicycle'), ['The bicycle is in the garage: words'], 'of another length');
  work = () => {};
  const began = performance.now();
  t.same(await search(fleet, 'bicycle'), ['The bicycle is in the garage: words']);
  t.ok(performance.now() - began > 1_000, 'it was waited for a moment');
});

t.test('no node is asked where no memory has a vector', async (t) => {
  const fleet = await opened(t, [{ text: 'The bicycle is in the garage' }]);
  let asked = 0;
  await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], () => asked++);
  t.same(await search(fleet, 'bicycle'), ['The bicycle is in the garage: words']);
  t.equal(asked, 0);
});

t.test('a memory that came without a vector gets one from a node that has the model', async (t) => {
  const fleet = await opened(t, [remembered('Tea at eight', 0, 1, 0), { text: 'The bicycle is in the garage' }]);
  const stand = async () =>
    (await fleet.call<MemoryVectors>('GET', '/v1/memory/vectors', { key: fleet.keys.viewer })).body;
  await until(async () => (await stand()).why !== null);
  t.equal(
    vectorsInWords(await stand()),
    'Memories get a vector of tiny-embed: 0 of 2 looked at, newest first. It waits: No node has tiny-embed now, and the coordinator makes no vectors itself (--embedder off).',
  );
  await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], makes(0.9, 0.1, 0));
  await until(async () => (await stand()).looked === 2);
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning']);
  await until(async () => (await stand()).searched === model);
  t.equal(
    vectorsInWords(await stand()),
    'Memories are found by meaning too: each has a vector of tiny-embed. A node makes the vectors.',
  );
});

/** The coordinator's own embedder with a scripted process, which makes of each text the vector [.9, .1, 0]. */
function ownEmbedder(
  t: { teardown(run: () => unknown): unknown },
  name = model,
  freeMemoryBytes = () => 4e9,
): Embedder {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-own-embedder-'));
  const path = join(folder, `${name}.gguf`);
  const entries = [
    { key: 'general.architecture', type: 'string' as const, value: 'bert' },
    { key: 'bert.pooling_type', type: 'u32' as const, value: 1 },
  ];
  writeFileSync(path, Buffer.concat([...ggufChunks(entries, [])]));
  const embedder = new Embedder({
    settings: { dir: folder, file: { path, model: name }, hubUrl: null, held: async () => null },
    samples: async () => [],
    freeMemoryBytes,
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    childPath: join(import.meta.dirname, '../../../test/fixtures/node-agent/scripted-child.ts'),
  });
  t.teardown(async () => {
    await embedder.stop();
    rmSync(folder, { recursive: true });
  });
  return embedder;
}
const standOf = async (fleet: ApiFleet) =>
  (await fleet.call<MemoryVectors>('GET', '/v1/memory/vectors', { key: fleet.keys.viewer })).body;

t.test('the coordinator makes the vector of a question itself where no node has the model', async (t) => {
  const embedder = ownEmbedder(t);
  const fleet = await opened(t, both, embedder);
  await until(async () => (await search(fleet, 'velo')).length > 0);
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning']);
  t.match(await standOf(fleet), { maker: 'coordinator', embedder: { state: 'ready', model, text: null } });
  const other = await opened(t, both, ownEmbedder(t, 'another'));
  t.same(await search(other, 'velo'), [], 'never with another model');
  await until(async () => (await standOf(other)).maker === 'nobody');
  const { body: figures } = await fleet.call<string>('GET', '/metrics', { key: fleet.keys.viewer });
  t.match(figures, /^blackroad_embedder_running 1$/m);
  t.match(figures, /^blackroad_embedder_failed 0$/m);
  t.match(figures, /^blackroad_embedder_texts_total [1-9]/m);
  t.match(figures, /^blackroad_memory_vectors_left 0$/m);
});

t.test('a node is asked first, and the coordinator helps where it is late or fails', async (t) => {
  const embedder = ownEmbedder(t);
  await embedder.embed(model, ['warm'], 30_000);
  const before = embedder.figures.texts;
  const fleet = await opened(t, both, embedder);
  let asked = 0;
  let work: (work: ModelWork) => void = makes(0.9, 0.1, 0);
  const { node } = await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], (each) => {
    asked++;
    work(each);
  });
  t.equal((await standOf(fleet)).maker, 'node');
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning']);
  t.equal(asked, 1);
  t.equal(embedder.figures.texts, before, 'the node was quick');
  work = () => {};
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning'], 'the node says nothing');
  t.equal(embedder.figures.texts, before + 1);
  work = ({ fail }) => fail('model-failed' as never);
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning'], 'the node fails');
  t.equal(embedder.figures.texts, before + 2);
  const askedBefore = asked;
  const boot = fleet.coordinator.view.live.get('alice')?.helloBoot ?? '';
  node.say('nodeState', {}, { state: 'offline', boot });
  await until(async () => (await standOf(fleet)).maker === 'coordinator');
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning'], 'the node is away');
  t.equal(asked, askedBefore, 'and is not asked');
});

t.test(
  'where no memory has a vector the model of the coordinator becomes that of the fleet, when nodes had time to come',
  async (t) => {
    const fleet = await opened(t, [{ text: '[0, 1, 0]' }, { text: '[1, 0, 0]' }], ownEmbedder(t));
    t.match(await standOf(fleet), { model: null, maker: 'nobody' });
    t.same(await search(fleet, 'velo'), []);
    fleet.skip(61_000);
    await until(async () => (await standOf(fleet)).searched === model, 30_000);
    t.same(await search(fleet, 'velo'), ['[1, 0, 0]: meaning']);
    t.equal(
      vectorsInWords(await standOf(fleet)),
      'Memories are found by meaning too: each has a vector of tiny-embed. The coordinator makes the vectors itself.',
    );
  },
);

t.test('memories without a vector get one from the coordinator where the node that has the model cannot', async (t) => {
  let free = 0;
  const own = ownEmbedder(t, model, () => free);
  const fleet = await opened(t, [remembered('Tea at eight', 0, 1, 0), { text: '[1, 0, 0]' }], own);
  await until(async () => (await standOf(fleet)).embedder?.state === 'failed');
  t.match(
    vectorsInWords(await standOf(fleet)),
    /It waits: The coordinator could not load tiny-embed: it needs \d+ MiB of memory, 0 MiB are free$/,
  );
  let asked = 0;
  await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], ({ fail }) => {
    asked++;
    free = 4e9;
    fail('model-failed' as never);
  });
  await until(async () => (await standOf(fleet)).looked === 2, 30_000);
  t.ok(asked > 0, 'the node came first');
  t.match(await standOf(fleet), { memories: 2, made: 1, refused: 0, maker: 'coordinator' });
  t.same(await search(fleet, 'velo'), ['[1, 0, 0]: meaning']);
});
