// Searching memories over HTTP: by meaning as well, where a node has the model that made their vectors, and by words alone where none answers.
import { encodeVector, type MemoryHit, type MemoryVectors } from '@blackroad/protocol';
import { vectorsInWords } from '@blackroad/protocol/memory-words';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { type ApiFleet, openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { type ModelWork, nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { until } from '../../../test/fixtures/until.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';

const agent = 'ada';
const model = 'tiny-embed';
const vector = (...values: number[]) => encodeVector(Float32Array.from(values));
const remembered = (text: string, ...values: number[]) => ({
  text,
  embedding: { model, dimension: values.length, vector: vector(...values) },
});

async function opened(t: { teardown(run: () => unknown): unknown }, payloads: Parameters<typeof memoryEntries>[1]) {
  const store = await openSqliteStore({ path: ':memory:', log: silentLog, clock: systemClock });
  // Before a coordinator has the store.
  const term = await store.claim('test');
  await store.commit([{ type: 'memory', space: 'default', agent, entries: memoryEntries(agent, payloads) }], term);
  const fleet = await openApiFleet({ store });
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
  await until(async () => {
    fleet.skip(1_000);
    return (await stand()).looked === 2;
  });
  t.same(await search(fleet, 'velo'), ['The bicycle is in the garage: meaning']);
  await until(async () => (await stand()).searched === model);
  t.equal(
    vectorsInWords(await stand()),
    'Memories are found by meaning too: each has a vector of tiny-embed. A node makes the vectors.',
  );
});
