// Ollama on a Pi: a made-up release in the form of Ollama's own, behind the real model cache and a scripted place on the internet, with all that can
// go wrong on the way. A real release cannot be fetched by tests.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { systemClock } from '@blackroad/std/clock';
import { httpGet } from '@blackroad/std/http-get';
import { systemRandom } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import t from 'tap';
import { tarOf } from '../../../release/src/tar-write.ts';
import { type TreeNode, text } from '../../../release/src/tree.ts';
import { openCache } from '../../../test/fixtures/coordinator/open-cache.ts';
import { until } from '../../../test/fixtures/until.ts';
import { installOllama } from './install-ollama.ts';
import { unpackOllama } from './unpack-ollama.ts';

const dir = mkdtempSync(join(tmpdir(), 'ollama-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const file = 'ollama-linux-arm64.tar.zst';
const random = (bytes: number) => ({ content: Buffer.from(systemRandom.hex(bytes), 'hex') });

function archiveOf(more: Record<string, TreeNode> = {}): Buffer {
  const tree: [string, TreeNode][] = [
    ['bin/ollama', text('#!/bin/sh\necho ollama\n', true)],
    ['lib/ollama/libggml-base.so.0.1', random(200_000)],
    ['lib/ollama/libggml-base.so', { link: 'libggml-base.so.0.1' }],
    ['lib/ollama/cuda_v13/libcublas.so', random(300_000)],
    ['share/notes', text('not wanted')],
    ...Object.entries(more),
  ];
  return tarOf(new Map(tree), 1_700_000_000);
}
let places = 0;
function pi() {
  const own = join(dir, `pi-${++places}`);
  const [home, place] = [join(own, 'program'), join(own, 'opt')];
  mkdirSync(own);
  symlinkSync('program/current', place);
  return { home, place, said: [] as string[] };
}
/** Time passes at once. */
const hurried = { ...systemClock, after: (_: number, run: () => void) => systemClock.after(1, run) };

async function stage(version = '9.9.9', content = zstdCompressSync(archiveOf())) {
  const open = await openCache(t);
  open.registry.addFile(`/v${version}/${file}`, content);
  const release = { version, file, sha256: sha256Hex(content) };
  const install = (at: ReturnType<typeof pi>, of = release) =>
    installOllama({
      ...at,
      release: of,
      open: (path, headers) => httpGet({ url: `${open.url}${path}`, headers, clock: systemClock }),
      clock: hurried,
      random: systemRandom,
      say: (words) => at.said.push(words),
    });
  return { open, content, install };
}

t.test('it is fetched once, unpacked without what a Pi has no use for, and stays', async (t) => {
  const { open, content, install } = await stage();
  const own = pi();
  await install(own);
  const there = readdirSync(own.place, { recursive: true, encoding: 'utf8' }).sort();
  t.same(there, [
    'bin',
    'bin/ollama',
    'lib',
    'lib/ollama',
    'lib/ollama/libggml-base.so',
    'lib/ollama/libggml-base.so.0.1',
    'release.json',
  ]);
  t.equal(statSync(join(own.place, 'bin/ollama')).mode & 0o777, 0o755);
  t.match(own.said.at(0), /^Ollama 9\.9\.9 is being fetched: \d+ %$/);
  t.equal(own.said.at(-1), 'Ollama 9.9.9 is installed');
  const asked = open.registry.asked.length;
  await install(own);
  t.equal(open.registry.asked.length, asked, 'a second start asks nobody');
  await install(pi());
  t.equal(open.registry.sentBytes, content.length, 'a second Pi costs the line nothing');

  const newer = zstdCompressSync(archiveOf({ 'lib/ollama/new.so': text('new') }));
  open.registry.addFile(`/v9.10.0/${file}`, newer);
  await install(own, { version: '9.10.0', file, sha256: sha256Hex(newer) });
  t.equal(readlinkSync(join(own.home, 'current')), '9.10.0');
  t.same(readdirSync(own.home).sort(), ['9.10.0', 'current'], 'the one before is removed');
});

t.test('what is missing is said, and tried again until it is there', async (t) => {
  const { open, install } = await stage();
  open.registry.refuse.push({ status: 503 }, { status: 404 });
  const own = pi();
  await install(own);
  t.match(
    own.said[0],
    /^Ollama 9\.9\.9 cannot be installed yet: the coordinator's model cache answers: network: .*503/,
  );
  t.match(own.said[1], /cannot be installed yet: .* It is tried again in \d+ s$/);
  t.equal(own.said.at(-1), 'Ollama 9.9.9 is installed');
});

t.test('a connection that breaks goes on where it broke', async (t) => {
  const content = zstdCompressSync(archiveOf());
  const release = { version: '9.9.9', file, sha256: sha256Hex(content) };
  const asked: (string | undefined)[] = [];
  const server = createServer(({ headers }, response) => {
    asked.push(headers.range);
    const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
    const range = from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { etag: '"x"', 'content-length': content.length - from, ...range });
    // Half of what is left, and then nothing.
    response.write(content.subarray(from, from + Math.ceil((content.length - from) / 2)), () =>
      asked.length < 4
        ? response.destroy()
        : response.end(content.subarray(from + Math.ceil((content.length - from) / 2))),
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  t.teardown(() => server.close());
  const own = pi();
  const { port } = server.address() as { port: number };
  await installOllama({
    ...own,
    release,
    open: (path, headers) => httpGet({ url: `http://127.0.0.1:${port}${path}`, headers, clock: systemClock }),
    clock: { ...systemClock, after: (ms, run) => systemClock.after(Math.min(ms, ms === 60_000 ? ms : 1), run) },
    random: systemRandom,
    say: (words) => own.said.push(words),
  });
  t.equal(asked.length, 4);
  t.match(asked[3], /^bytes=[1-9]/);
  t.notMatch(own.said.join(), /cannot be installed/);
});

t.test('nothing of an archive that is not the one is kept', async (t) => {
  const folder = join(dir, 'wrong');
  const unpacked = (content: Buffer, sha256 = sha256Hex(content), name = file) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    return unpackOllama(
      (async function* () {
        yield content;
      })(),
      { file: name, sha256 },
      folder,
    );
  };
  const whole = archiveOf();
  await unpacked(gzipSync(whole), sha256Hex(gzipSync(whole)), 'ollama-linux-arm64.tgz');
  t.equal(readFileSync(join(folder, 'bin/ollama'), 'utf8'), '#!/bin/sh\necho ollama\n', 'the older form, too');
  const longer = Buffer.concat([zstdCompressSync(whole), zstdCompressSync(Buffer.alloc(10))]);
  await unpacked(longer);
  t.pass('what follows the last entry is part of the hash');
  await t.rejects(unpacked(zstdCompressSync(whole), '0'.repeat(64)), /expected SHA-256 0{64}, got [0-9a-f]{64}/);
  await t.rejects(unpacked(zstdCompressSync(whole).subarray(0, 100_000)), /end/);
  await t.rejects(unpacked(Buffer.from('no archive')));
  const without = tarOf(new Map([['lib/ollama/x.so', text('x')]]), 0);
  await t.rejects(unpacked(zstdCompressSync(without)), /expected bin\/ollama in it, got none/);
  for (const evil of [
    { 'lib/ollama/../../../evil': text('x') },
    { 'lib/ollama/evil': { link: '../../../evil' } },
    { 'lib/ollama/evil': { link: '/etc/passwd' } },
  ])
    await t.rejects(unpacked(zstdCompressSync(archiveOf(evil))), /leads out of its folder/, Object.keys(evil)[0]);
  // A link, and a file below it.
  const through = archiveOf({ 'lib/ollama/a': { link: '..' }, 'lib/ollama/a/b.so': text('x') });
  await t.rejects(unpacked(zstdCompressSync(through)));

  const { open, install } = await stage();
  open.registry.lies = true;
  const own = pi();
  const installing = install(own);
  await until(() => own.said.some((words) => words.includes('cannot be installed yet')));
  t.notOk(readdirSync(own.home).includes('current'), 'the cache gave nothing whole, and nothing was kept');
  open.registry.lies = false;
  await installing;
  t.equal(own.said.at(-1), 'Ollama 9.9.9 is installed');
});
