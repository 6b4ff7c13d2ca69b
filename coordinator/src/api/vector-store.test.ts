// A vector store on another machine as people meet it over HTTP: what is found with it, and what is said while it is away. The store is a scripted
// Qdrant behind a way that can be cut; the database and its threads are real.
import { type Alert, encodeVector, type MemoryHit, type MemoryVectors } from '@blackroad/protocol';
import { storeOwesInWords, vectorsInWords } from '@blackroad/protocol/memory-words';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import t from 'tap';
import { openApiFleet } from '../../../test/fixtures/coordinator/api-fleet.ts';
import { openWorkerStore } from '../../../test/fixtures/coordinator/bundled-worker-store.ts';
import { nodeWith } from '../../../test/fixtures/coordinator/model-node.ts';
import { modelOf } from '../../../test/fixtures/coordinator/sample-supply.ts';
import { storeFiles } from '../../../test/fixtures/coordinator/store-files.ts';
import { agentRow, memoryEntries } from '../../../test/fixtures/coordinator/stored-rows.ts';
import { cutProxy } from '../../../test/fixtures/cut-proxy.ts';
import { until } from '../../../test/fixtures/until.ts';
import { qdrantKey, qdrantServer } from '../../../test/fixtures/vector-stores/qdrant-server.ts';

const { newPath } = storeFiles(t);
const model = 'tiny-embed';
const vector = (...values: number[]) => encodeVector(Float32Array.from(values));
const remembered = (text: string, ...values: number[]) => ({
  text,
  embedding: { model, dimension: values.length, vector: vector(...values) },
});

t.test('searches use it, and say so when they cannot', async (t) => {
  const server = await qdrantServer();
  const proxy = await cutProxy(server.port);
  const vectors = { kind: 'qdrant', origin: `http://127.0.0.1:${proxy.port}`, key: qdrantKey } as const;
  const died = (error: Error) => {
    throw error;
  };
  const store = await openWorkerStore({ path: newPath(), log: silentLog, clock: systemClock, died, vectors });
  const entries = memoryEntries('ada', [
    remembered('The bicycle is in the garage', 1, 0, 0),
    remembered('Tea at eight', 0, 1, 0),
  ]);
  const agent = { type: 'agent', row: agentRow('ada', { placement: null, epoch: 0 }) } as const;
  await store.commit([agent, { type: 'memory', space: 'default', agent: 'ada', entries }], await store.claim('test'));
  const fleet = await openApiFleet({ store });
  t.teardown(async () => {
    await fleet.close();
    await proxy.close();
    await server.close();
  });
  await nodeWith(fleet, 'alice', [modelOf(model, { kind: 'embed' })], ({ request, part }) => {
    for (const _ of request.texts ?? []) part({ events: [{ vector: vector(0.9, 0.1, 0) }] });
    part({ end: { reason: 'stop' } });
  });
  const stand = async () =>
    (await fleet.call<MemoryVectors>('GET', '/v1/memory/vectors', { key: fleet.keys.viewer })).body;
  const search = async () => {
    const answer = await fleet.call<MemoryHit[]>('GET', '/v1/memory/search?q=velo', { key: fleet.keys.viewer });
    return {
      texts: answer.body.map(({ text }) => text),
      without: answer.headers.get('blackroad-without-vector-store'),
    };
  };
  const metrics = async () => (await fleet.call<string>('GET', '/metrics')).body;
  await until(async () => {
    const { store } = await stand();
    return store?.state === 'following' && store.waiting === 0;
  });
  const found = { texts: ['The bicycle is in the garage'], without: null };
  await until(async () => (await search()).without === null);
  t.same(await search(), found);
  t.match(vectorsInWords(await stand()), /The vectors are in Qdrant at http:\/\/127\.0\.0\.1:\d+\.$/);

  proxy.be('refused');
  const away = await search();
  t.same(away.texts, found.texts, 'the newest vectors are compared');
  t.match(away.without, /does not answer/);
  await until(async () => (await stand()).store?.state === 'away');
  const [first] = entries;
  t.equal((await store.erasable({ agent: 'ada', seqs: [first?.seq ?? 0], limit: 5 })).length, 1);
  const erased = await fleet.call('POST', '/v1/agents/ada/memory/erase', {
    body: { seqs: [first?.seq], dryRun: false },
  });
  t.equal(erased.status, 200);
  await until(async () => (await stand()).store?.owed === 1);
  const { store: shown } = await stand();
  t.match(shown && storeOwesInWords(shown), /has not confirmed that the vectors of 1 erased memory are gone/);
  t.match(vectorsInWords(await stand()), /cannot be used: It does not answer: .* compare the newest 20,000 .* It owes/);
  t.match(await metrics(), /^blackroad_vector_store\{state="away"\} 1$/m);
  t.match(await metrics(), /^blackroad_vector_store_owed 1$/m);
  t.match(await metrics(), /^blackroad_vector_store_without_total [1-9]/m);
  t.notMatch(JSON.stringify(await stand()), /5c0ffee1/);

  const alerts = async () => (await fleet.call<Alert[]>('GET', '/v1/alerts', { key: fleet.keys.viewer })).body;
  t.notOk(
    (await alerts()).some(({ kind }) => kind === 'vector-store'),
    'a restart of it is no alert',
  );
  fleet.skip(61_000);
  await until(async () => (await alerts()).some(({ kind }) => kind === 'vector-store'));
  t.match(
    (await alerts()).find(({ kind }) => kind === 'vector-store'),
    { title: /^Qdrant at .* cannot be used$/, text: /has not confirmed the removal of 1 erased memory/ },
  );

  proxy.be('open');
  await until(async () => (await stand()).store?.owed === 0);
  t.same((await search()).texts, ['Tea at eight'].slice(1), 'what was erased is found no more');
  t.match(await metrics(), /^blackroad_vector_store\{state="following"\} 1$/m);
  await until(async () => !(await alerts()).some(({ kind }) => kind === 'vector-store'));
  t.same(server.odd, []);
});
