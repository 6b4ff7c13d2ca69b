// Archives, packages and images of a small tree, read again by other programs: GNU tar, dpkg, and by what their formats say.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { sha256Hex } from '@blackroad/std/sha256';
import { isInside, tarEntries } from '@blackroad/std/tar-read';
import t from 'tap';
import { noProgram } from '../../test/fixtures/programs.ts';
import { debOf } from './deb.ts';
import { imageOf } from './oci.ts';
import { tarOf } from './tar-write.ts';
import { type TreeNode, text } from './tree.ts';

const dir = mkdtempSync(join(tmpdir(), 'fleet-forms-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const epochS = 1_700_000_000;
const long = `usr/lib/${'very-long-'.repeat(15)}/name.js`;
const tree = new Map<string, TreeNode>([
  ['usr/bin/x', text('#!/bin/sh\necho here\n', true)],
  ['usr/lib/big', { content: Buffer.alloc(100_000, 'abc') }],
  [long, text('ü')],
  ['usr/bin/link', { link: '../lib/big' }],
  ['usr/bin/long', { link: `../../${long}` }],
  ['tmp', { folder: 0o1777, owner: 0 }],
]);
async function read(tar: Buffer, pieceBytes: number) {
  const pieces: Buffer[] = [];
  for (let at = 0; at < tar.length; at += pieceBytes) pieces.push(tar.subarray(at, at + pieceBytes));
  const found = new Map<string, { type: string; text: string; mode: number }>();
  for await (const { path, type, target, mode, content } of tarEntries(Readable.from(pieces))) {
    const parts: Buffer[] = [];
    for await (const part of content) parts.push(Buffer.from(part));
    found.set(path, { type, mode, text: type === 'link' ? target : Buffer.concat(parts).toString() });
  }
  return found;
}

t.test('an archive', async (t) => {
  const tar = tarOf(tree, epochS);
  for (const pieceBytes of [7, 512, 70_000, tar.length]) {
    const found = await read(tar, pieceBytes);
    t.equal(found.get(long)?.text, 'ü');
    t.equal(found.get('usr/lib/big')?.text.length, 100_000);
    t.match(found.get('usr/bin/x'), { type: 'file', mode: 0o755 });
    t.match(found.get('usr/bin/long'), { type: 'link', text: `../../${long}` });
    t.match(found.get('tmp/'), { type: 'folder', mode: 0o1777 });
  }
  t.equal(sha256Hex(tarOf(new Map([...tree].reverse()), epochS)), sha256Hex(tar), 'the order of files means nothing');
  writeFileSync(join(dir, 'x.tar'), tar);
  execFileSync('tar', ['xf', join(dir, 'x.tar'), '-C', dir]);
  t.equal(readFileSync(join(dir, long), 'utf8'), 'ü');
  t.equal(execFileSync(join(dir, 'usr/bin/x'), { encoding: 'utf8' }), 'here\n');
  t.equal(statSync(join(dir, 'usr/bin/x')).mtimeMs, epochS * 1000);
  // And the other way round: what GNU tar makes, in each of its forms of long names.
  for (const format of ['gnu', 'pax']) {
    execFileSync('tar', [`--format=${format}`, '-cf', join(dir, 'gnu.tar'), '-C', dir, 'usr/lib']);
    t.equal((await read(readFileSync(join(dir, 'gnu.tar')), 1000)).get(long)?.text, 'ü', format);
  }
});

t.test('what is no archive is said', async (t) => {
  const tar = tarOf(tree, epochS);
  await t.rejects(read(tar.subarray(0, 700), 100), /it ends too early/);
  await t.rejects(read(Buffer.alloc(600, 'x'), 100), /expected a tar header|no number/);
  const wrong = Buffer.from(tar);
  wrong[0]! ^= 1;
  await t.rejects(read(wrong, 512), /expected a tar header/);
  for (const path of ['', '/etc/passwd', '../x', 'a/../../x', 'a\0b']) t.notOk(isInside(path), path);
  t.ok(isInside('a/..b/c'));
});

t.test('a package of Debian', { skip: noProgram('dpkg-deb') }, async (t) => {
  const deb = {
    name: 'blackroad-x',
    version: '1.2.3',
    arch: 'arm64',
    epochS,
    description: 'line\nmore',
    tree,
    unit: 'x.service',
    isStarted: true,
  } as const;
  const file = join(dir, 'x.deb');
  writeFileSync(file, await debOf(deb));
  t.equal(sha256Hex(await debOf(deb)), sha256Hex(readFileSync(file)));
  const field = (name: string) => execFileSync('dpkg-deb', ['-f', file, name], { encoding: 'utf8' }).trim();
  t.equal(field('Architecture'), 'arm64');
  t.equal(field('Version'), '1.2.3');
  execFileSync('dpkg-deb', ['-x', file, join(dir, 'deb')]);
  t.equal(readFileSync(join(dir, 'deb', long), 'utf8'), 'ü');
  // dpkg itself reads less than dpkg-deb does.
  const root = join(dir, 'root');
  mkdirSync(join(root, 'var/lib/dpkg/info'), { recursive: true });
  mkdirSync(join(root, 'var/lib/dpkg/updates'));
  writeFileSync(join(root, 'var/lib/dpkg/status'), '');
  const forced = ['--force-architecture', '--force-depends', '--force-not-root', '--log=/dev/null'];
  execFileSync('dpkg', [`--root=${root}`, ...forced, '--unpack', file], { stdio: 'pipe' });
  t.equal(readFileSync(join(root, long), 'utf8'), 'ü');
  const control = join(dir, 'control');
  execFileSync('dpkg-deb', ['-e', file, control]);
  for (const script of ['postinst', 'prerm', 'postrm']) execFileSync('sh', ['-n', join(control, script)]);
  execFileSync('md5sum', ['-c', '--quiet', join(control, 'md5sums')], { cwd: join(dir, 'deb') });
});

t.test('an image', async (t) => {
  const layout = await imageOf({
    ...{ name: 'blackroad-x', version: '1.2.3', arch: 'arm64', commit: 'c', epochS, layers: [{ tree, text: 'x' }] },
    ...{ entrypoint: ['/x'], cmd: ['run'], env: ['A=b'], ports: [8401], data: '/data', user: 65_532 },
  });
  const bytesAt = (path: string) => {
    const node = layout.get(path);
    return node && 'content' in node ? node.content : Buffer.alloc(0);
  };
  // Each step is found by its hash, as an engine finds it.
  const blob = ({ digest, size }: { digest: string; size: number }) => {
    const bytes = bytesAt(`blobs/${digest.replace(':', '/')}`);
    t.equal(`sha256:${sha256Hex(bytes)}`, digest);
    t.equal(bytes.length, size);
    return bytes;
  };
  const index = JSON.parse(bytesAt('index.json').toString());
  const manifest = JSON.parse(blob(index.manifests[0]).toString());
  const config = JSON.parse(blob(manifest.config).toString());
  t.match(config, {
    architecture: 'arm64',
    os: 'linux',
    config: { User: '65532:65532', Entrypoint: ['/x'], Volumes: { '/data': {} } },
  });
  const layer = gunzipSync(blob(manifest.layers[0]));
  t.equal(config.rootfs.diff_ids[0], `sha256:${sha256Hex(layer)}`);
  t.equal((await read(layer, 4096)).get(long)?.text, 'ü');
  t.match(JSON.parse(bytesAt('oci-layout').toString()), { imageLayoutVersion: '1.0.0' });
});
