// The model cache against a registry on a real socket that does all that the internet does: names, digests, ranges, breaks, one fetch for
// many readers, what happens when the place is gone or lies, and room on the disk.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCache } from '../../../test/fixtures/coordinator/open-cache.ts';
import { digestOf } from '../../../test/fixtures/coordinator/scripted-registry.ts';
import { until } from '../../../test/fixtures/processes.ts';

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer());
/** Compares lengths and digests: a report of megabytes helps nobody. */
const sameBytes = (t: Pick<typeof import('tap').default, 'same'>, found: Buffer, wanted: Buffer, text = '') =>
  t.same([found.length, digestOf(found)], [wanted.length, digestOf(wanted)], text);
const problemOf = (response: Response) => response.headers.get('x-fleet-problem') ?? '';
const blobPath = (digest: string) => `/v2/library/tiny/blobs/${digest}`;

t.test('a model is fetched once, and given whole or in ranges', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(700_001);
  const { manifest, digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{"stop":1}')]);
  const told = await open.get('/v2/library/tiny/manifests/1b');
  t.equal(told.status, 200);
  sameBytes(t, await bytesOf(told), manifest, 'byte by byte: its digest is that of the model');
  t.equal(told.headers.get('docker-content-digest'), digestOf(manifest));

  const head = await open.get(blobPath(digests[0]!), { method: 'HEAD' });
  t.match([head.status, head.headers.get('content-length')], [200, '700001']);
  t.notOk(
    open.registry.asked.some((line) => line.includes('/blobs/')),
    'the manifest told the size',
  );
  const all = await open.get(blobPath(digests[0]!));
  t.equal(all.headers.get('location'), blobPath(digests[0]!), "where Ollama's client asks for ranges");
  sameBytes(t, await bytesOf(all), weights);
  for (const [range, from, to] of [
    ['0-99', 0, 100],
    ['699000-', 699_000, 700_001],
    ['-7', 699_994, 700_001],
    ['10-2000000', 10, 700_001],
  ] as const) {
    const part = await open.get(blobPath(digests[0]!), { range });
    t.equal(part.status, 206, range);
    t.equal(part.headers.get('content-range'), `bytes ${from}-${to - 1}/700001`);
    sameBytes(t, await bytesOf(part), weights.subarray(from, to), range);
  }
  t.equal((await open.get(blobPath(digests[0]!), { range: '700001-' })).status, 416);
  t.equal(open.registry.sentBytes, 700_001, 'the bytes came once');
  t.equal((await open.get(`/models/blobs/${digests[0]}`)).status, 200, 'by digest alone');
  t.equal((await open.get(`/models/blobs/sha256:${'0'.repeat(64)}`)).status, 404);
  t.equal((await open.get('/v2/library/nope/manifests/1b')).status, 404);
  t.match(problemOf(await open.get('/v2/library/nope/manifests/1b')), /^name: /);
  t.equal((await open.get('/v2/library/..%2f..%2fetc/manifests/1b')).status, 404, 'no path but names');
  t.equal((await open.get('/v2/')).status, 200);
  t.equal((await open.get('/v2/', { method: 'POST' })).status, 405);
});

t.test('many readers are one fetch, and have the bytes as they come', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(400_000);
  open.registry.bytesPerS = 400_000;
  const { digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  const begun = Date.now();
  let firstMs = 0;
  const early = open.get(blobPath(digests[0]!), { range: '0-999', who: 'first' }).then(async (response) => {
    const bytes = await bytesOf(response);
    firstMs = Date.now() - begun;
    return bytes;
  });
  const readers = Array.from({ length: 40 }, (_, index) => {
    const from = index * 10_000;
    return open.get(blobPath(digests[0]!), { range: `${from}-${from + 9999}`, who: `node-${index}` }).then(bytesOf);
  });
  sameBytes(t, Buffer.concat(await Promise.all(readers)), weights);
  const allMs = Date.now() - begun;
  sameBytes(t, await early, weights.subarray(0, 1000));
  t.ok(firstMs < allMs / 2, `the first bytes after ${firstMs} ms, the last after ${allMs} ms`);
  t.equal(open.registry.asked.filter((line) => line.startsWith('GET /store/')).length, 1);
  t.equal(open.registry.sentBytes, 400_000);
  t.equal(open.holdings.wholeBytes(digests[0]!), 400_000);
});

t.test('a fetch that breaks goes on where it broke, also after a restart', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(500_000);
  open.registry.breakAfter.push(100_000, 150_000);
  const { digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  sameBytes(t, await bytesOf(await open.get(blobPath(digests[0]!))), weights);
  // What was in the buffer of the socket when it broke comes again.
  t.ok(open.registry.sentBytes < 700_000, `${open.registry.sentBytes} bytes, 750,000 would be all of them each time`);

  const other = randomBytes(300_000);
  const made = open.registry.addModel('other:1b', [other, Buffer.from('{}')]);
  await open.get('/v2/library/other/manifests/1b');
  open.registry.bytesPerS = 300_000;
  const path = `/v2/library/other/blobs/${made.digests[0]}`;
  await bytesOf(await open.get(path, { range: '0-99999' }));
  await open.reopen();
  const before = open.registry.sentBytes;
  open.registry.bytesPerS = 0;
  sameBytes(t, await bytesOf(await open.get(path)), other);
  t.ok(
    open.registry.sentBytes - before <= 200_000,
    `${open.registry.sentBytes - before} bytes were fetched after the restart`,
  );
  t.match(open.registry.asked.at(-1), /^GET \/store\/.* bytes=\d{6}-$/);
});

t.test('a place without ranges, or with other content since, is read from the beginning', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(300_000);
  open.registry.breakAfter.push(100_000);
  open.registry.hasRanges = false;
  const { digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  sameBytes(t, await bytesOf(await open.get(blobPath(digests[0]!))), weights);
  t.equal(open.registry.sentBytes, 400_000);
});

t.test('bytes with another digest are given to nobody as whole, and are not kept', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(200_000);
  open.registry.lies = true;
  const { digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  const response = await open.get(blobPath(digests[0]!));
  await t.rejects(bytesOf(response), 'the answer ends before its last byte');
  const again = await open.get(blobPath(digests[0]!));
  t.equal(again.status, 502);
  t.match(problemOf(again), /^digest: .* do not have the digest/);
  t.ok(Number(again.headers.get('retry-after')) > 0, 'not tried again at once');
  t.equal(open.holdings.bytesOf(digests[0]!), 0);
  t.equal(existsSync(open.disk.partPath(digests[0]!)), false);
  t.equal(existsSync(open.disk.wholePath(digests[0]!)), false);
});

t.test('a part that was damaged on the disk is fetched anew, once', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(200_000);
  const { digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  writeFileSync(open.disk.partPath(digests[0]!), Buffer.alloc(50_000));
  await open.reopen();
  await bytesOf(await open.get(blobPath(digests[0]!))).catch(() => {});
  sameBytes(
    t,
    await bytesOf(await open.get(blobPath(digests[0]!))),
    weights,
    'a reader of the damaged part asks again',
  );
});

t.test('with the place gone, what is held is given, and what is not is refused at once', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(100_000);
  const { manifest, digests } = open.registry.addModel('tiny:1b', [weights, Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  for (const digest of digests) await bytesOf(await open.get(blobPath(digest)));
  await open.registry.close();
  await open.reopen();
  sameBytes(t, await bytesOf(await open.get('/v2/library/tiny/manifests/1b')), manifest);
  sameBytes(t, await bytesOf(await open.get(blobPath(digests[0]!))), weights);
  const begun = Date.now();
  const missing = await open.get('/v2/library/other/manifests/1b');
  t.equal(missing.status, 502);
  t.match(problemOf(missing), /^network: .*ECONNREFUSED/);
  t.ok(Date.now() - begun < 5000);
  await open.reopen({ registryUrl: null, hubUrl: null });
  t.match(problemOf(await open.get('/v2/library/other/manifests/1b')), /^network: .* fetches from no registry/);
  t.match(problemOf(await open.get('/models/hub/owner/name/main/x.gguf')), /^network: .* fetches from no hub/);
  sameBytes(t, await bytesOf(await open.get(blobPath(digests[0]!))), weights);
});

t.test('what a place refuses is told by its kind', async (t) => {
  const open = await openCache(t);
  open.registry.addModel('tiny:1b', [randomBytes(1000), Buffer.from('{}')]);
  for (const [refusal, status, words] of [
    [{ status: 401 }, 404, /^name: .* does not give .* to everybody/],
    [{ status: 429, retryAfter: 7 }, 502, /^network: .* answers 429/],
    [{ status: 503 }, 502, /^network: .* answers 503/],
  ] as const) {
    open.registry.refuse.push(refusal);
    const response = await open.get('/v2/library/tiny/manifests/1b');
    t.equal(response.status, status);
    t.match(problemOf(response), words);
  }
  // While a blob is fetched, a pause that the place asks for is kept.
  const { digests } = open.registry.addModel('tiny:1b', [randomBytes(1000), Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  open.registry.refuse.push({ status: 429, retryAfter: 1 });
  const begun = Date.now();
  t.equal((await bytesOf(await open.get(blobPath(digests[0]!)))).length, 1000);
  t.ok(Date.now() - begun >= 1000);
});

t.test('a tag that means another model since', async (t) => {
  let ahead = 0;
  const { systemClock } = await import('@blackroad/std/clock');
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + ahead };
  const open = await openCache(t, { clock });
  const first = open.registry.addModel('tiny:1b', [randomBytes(1000), Buffer.from('{}')]);
  sameBytes(t, await bytesOf(await open.get('/v2/library/tiny/manifests/1b')), first.manifest);
  await bytesOf(await open.get(blobPath(first.digests[0]!)));
  const second = open.registry.addModel('tiny:1b', [randomBytes(1000), Buffer.from('{}')]);
  const asked = open.registry.asked.length;
  sameBytes(
    t,
    await bytesOf(await open.get('/v2/library/tiny/manifests/1b')),
    first.manifest,
    'within a minute nobody is asked',
  );
  t.equal(open.registry.asked.length, asked);
  ahead = 61_000;
  sameBytes(t, await bytesOf(await open.get('/v2/library/tiny/manifests/1b')), second.manifest);
  t.equal(
    (await bytesOf(await open.get(blobPath(first.digests[0]!)))).length,
    1000,
    'a node amid the old one gets the rest of it',
  );
  await until('the answer is over', async () => !open.holdings.isBusy(first.digests[0]!));
  t.ok((await open.cache.prune()) >= 1000, 'then it is without a name');
  t.equal(open.holdings.wholeBytes(first.digests[0]!), null);
});

t.test('a hundred who ask for one new file in the same moment', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(50_000);
  const digest = open.registry.addFile('/owner/name/resolve/main/model.gguf', weights);
  const made = open.registry.addModel('tiny:1b', [randomBytes(1000), Buffer.from('{}')]);
  const asked = Array.from({ length: 100 }, async (_, index) => {
    const who = `node-${index % 10}`;
    const [file, manifest] = await Promise.all([
      open.get(`/models/hub/owner/name/main/model.gguf?sha256=${digest.slice(7)}&bytes=50000`, { who }),
      open.get('/v2/library/tiny/manifests/1b', { who }),
    ]);
    return [digestOf(await bytesOf(file)), digestOf(await bytesOf(manifest))].join();
  });
  t.same([...new Set(await Promise.all(asked))], [`${digest},${digestOf(made.manifest)}`]);
  t.equal(open.registry.sentBytes, 50_000);
  t.equal(open.registry.asked.filter((line) => line.includes('/manifests/')).length, 1);
});

t.test('files of the hub, by name and by what the asker knows', async (t) => {
  const open = await openCache(t);
  const weights = randomBytes(90_000);
  const commit = 'a'.repeat(40);
  const digest = open.registry.addFile(`/owner/name/resolve/${commit}/model.gguf`, weights);
  const vocabulary = Buffer.from('a\nb\n');
  const small = open.registry.addFile(`/owner/name/resolve/main/vocab.txt`, vocabulary, false);
  const known = `/models/hub/owner/name/${commit}/model.gguf?sha256=${digest.slice(7)}&bytes=90000`;
  sameBytes(t, await bytesOf(await open.get(known)), weights);
  t.notOk(
    open.registry.asked.some((line) => line.startsWith('HEAD')),
    'nothing had to be asked',
  );
  sameBytes(t, await bytesOf(await open.get(`/models/hub/owner/name/${commit}/model.gguf`)), weights);
  sameBytes(
    t,
    await bytesOf(await open.get('/models/hub/owner/name/main/vocab.txt')),
    vocabulary,
    'without a SHA-256 there',
  );
  sameBytes(t, await bytesOf(await open.get(`/models/blobs/${small}`)), vocabulary);
  const wrong = await open.get(`/models/hub/owner/name/${commit}/model.gguf?sha256=${'1'.repeat(64)}&bytes=90000`);
  await t.rejects(bytesOf(wrong));
  sameBytes(
    t,
    await bytesOf(await open.get(`/models/hub/owner/name/${commit}/model.gguf`)),
    weights,
    'the hub decides for the others',
  );
  t.equal(open.registry.sentBytes, 90_000 * 2 + vocabulary.length);
});

t.test('room: the least recently used goes, never what is read or fetched', async (t) => {
  let ahead = 0;
  const { systemClock } = await import('@blackroad/std/clock');
  const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + ahead };
  const open = await openCache(t, { clock, maxBytes: 1_000_000 });
  const make = async (name: string, bytes: number) => {
    ahead += 120_000;
    const { digests } = open.registry.addModel(`${name}:1`, [randomBytes(bytes), Buffer.from('{}')]);
    await open.get(`/v2/library/${name}/manifests/1`);
    return { path: `/v2/library/${name}/blobs/${digests[0]}`, digest: digests[0]! };
  };
  const a = await make('a', 400_000);
  await bytesOf(await open.get(a.path));
  const b = await make('b', 400_000);
  await bytesOf(await open.get(b.path));
  ahead += 120_000;
  await bytesOf(await open.get(a.path, { range: '0-9' }));
  const c = await make('c', 400_000);
  await bytesOf(await open.get(c.path));
  t.same(
    [a, b, c].map(({ digest }) => open.holdings.wholeBytes(digest) !== null),
    [true, false, true],
    'b was not used for the longest time',
  );
  t.equal(open.holdings.entries.has('b:1'), false);
  t.ok(open.holdings.heldBytes <= 1_000_000);

  // Both are read at the moment: nothing may go.
  const release = [open.holdings.reads(a.digest, 'alice'), open.holdings.reads(c.digest, 'bob')];
  const d = await make('d', 400_000);
  const refused = await open.get(d.path);
  t.equal(refused.status, 507);
  t.match(problemOf(refused), /^disk: the cache has no room for .*, 1 MiB: it may hold 1 MiB/);
  await t.rejects(open.cache.remove('a:1'), { message: /is being fetched or read now/ });
  for (const each of release) each();
  t.equal((await bytesOf(await open.get(d.path))).length, 400_000);
  await until('the answer is over', async () => !open.holdings.isBusy(d.digest));
  t.equal((await open.cache.remove('d:1')) > 400_000, true);
  await t.rejects(open.cache.remove('d:1'), { message: /does not hold d:1/ });
  t.same(
    readdirSync(join(open.dir, 'blobs')).filter((name) => statSync(join(open.dir, 'blobs', name)).size === 400_000)
      .length,
    1,
  );
});

t.test('the bandwidth is bounded over all fetches together', async (t) => {
  const open = await openCache(t, { bytesPerS: 400_000 });
  const made = ['a', 'b'].map((name) => open.registry.addModel(`${name}:1`, [randomBytes(200_000), Buffer.from('{}')]));
  const begun = Date.now();
  await Promise.all(
    ['a', 'b'].map(async (name, index) => {
      await open.get(`/v2/library/${name}/manifests/1`);
      return bytesOf(await open.get(`/v2/library/${name}/blobs/${made[index]!.digests[0]}`));
    }),
  );
  const ms = Date.now() - begun;
  t.ok(ms > 650 && ms < 5000, `400 kB at 400 kB/s took ${ms} ms`);
});

t.test('counts outlast a restart', async (t) => {
  const open = await openCache(t);
  const { digests } = open.registry.addModel('tiny:1b', [randomBytes(10_000), Buffer.from('{}')]);
  await open.get('/v2/library/tiny/manifests/1b');
  for (let i = 0; i < 3; i++) await bytesOf(await open.get(blobPath(digests[0]!)));
  await open.reopen();
  const { fetchedBytes, servedBytes } = open.counts.sums;
  t.ok(fetchedBytes > 10_000 && fetchedBytes < 11_000, String(fetchedBytes));
  t.ok(servedBytes > 30_000 && servedBytes < 31_000, String(servedBytes));
});

t.test('a release of Ollama is fetched once, by its hash, and only by names that one has', async (t) => {
  const open = await openCache(t);
  const archive = randomBytes(300_000);
  const digest = open.registry.addFile('/v0.34.4/ollama-linux-arm64.tar.zst', archive);
  const path = '/models/ollama/0.34.4/ollama-linux-arm64.tar.zst';
  const whole = `${path}?sha256=${digest.slice(7)}`;
  for (const who of ['alice', 'bob']) sameBytes(t, await bytesOf(await open.get(whole, { who })), archive);
  t.equal((await open.get(whole, { range: '299999-' })).status, 206, 'and in parts');
  t.equal(open.registry.sentBytes, 300_000, 'the bytes came once');
  t.match(
    [...open.holdings.entries.keys()],
    ['ollama:0.34.4/ollama-linux-arm64.tar.zst'],
    'it can be seen and removed',
  );
  const other = await open.get(`${path}?sha256=${'0'.repeat(64)}`);
  await t.rejects(bytesOf(other), 'bytes of another hash are never given whole');
  for (const wrong of [path, `${path}?sha256=x`, whole.replace('0.34.4', '..%2f..'), whole.replace('.zst', '.sh')])
    t.equal((await open.get(wrong)).status, 404, wrong);
  await open.reopen({ ollamaUrl: null });
  sameBytes(t, await bytesOf(await open.get(whole)), archive, 'what is held is given');
  const missing = await open.get(`/models/ollama/0.35.0/ollama-linux-arm64.tgz?sha256=${'1'.repeat(64)}`);
  t.match(problemOf(missing), /^network: .* fetches no releases of Ollama/);
});
