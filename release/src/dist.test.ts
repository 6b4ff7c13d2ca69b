// The release of this machine's architecture, built from what is installed: the same file twice, everything in it as it says, and it starts
// in an empty folder with an empty PATH. Nothing is fetched: Node is the one that runs this test.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { explain, ReleaseManifest } from '@blackroad/protocol';
import { readPublicKey, readSignature, verifyFile } from '@blackroad/std/minisign';
import { systemRandom } from '@blackroad/std/random';
import { sha256Hex } from '@blackroad/std/sha256';
import t from 'tap';
import { newestVersion } from '../../coordinator/src/store/sqlite/migrations.ts';
import { archiveOf } from './dist.ts';
import { type Arch, Packages } from './packages.ts';
import { products } from './products.ts';
import { makeSecretKey, readSecretKey, signatureOf } from './secret-key.ts';
import type { Source } from './source.ts';
import { packagesOf } from './traced.ts';

const root = resolve(import.meta.dirname, '../..');
const arch = process.arch as Arch;
const skip = ['x64', 'arm64'].includes(arch) && process.platform === 'linux' ? false : 'there is no release for here';
const dir = mkdtempSync(join(tmpdir(), 'fleet-dist-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const source: Source = { root, version: '1.2.3', commit: 'c'.repeat(40), epochS: 1_700_000_000 };
const own = join(dir, 'own-node');
mkdirSync(join(own, 'bin'), { recursive: true });
cpSync(process.execPath, join(own, 'bin/node'));
const about = { name: `node-linux-${arch}`, version: process.versions.node, license: 'MIT' };
writeFileSync(join(own, 'package.json'), JSON.stringify(about));
const packages = () =>
  new Packages({ root, parts: join(dir, 'parts'), npm: ['false'], say: (text) => t.comment(text), ownNode: own });
const [node, coordinator] = products as [(typeof products)[number], (typeof products)[number]];
const build = async (product = node) => archiveOf(product, source, arch, await product.build(packages(), root, arch));
const files = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
function unpacked(archive: Buffer, name: string): string {
  writeFileSync(join(dir, 'archive.tar.gz'), archive);
  execFileSync('tar', ['xzf', join(dir, 'archive.tar.gz'), '-C', dir]);
  return join(dir, `${name}-1.2.3-linux-${arch}`);
}

t.test('a link to the packages of another folder is refused in words', async (t) => {
  const metafile = { inputs: { '../other/node_modules/mqtt/index.js': {} }, outputs: {} } as never;
  t.throws(() => packagesOf(metafile, packages(), root), {
    name: 'BuildError',
    message:
      /^node_modules: expected .* got a link to .*\/other\/node_modules\/mqtt: remove the link, and run make install$/,
  });
});

t.test('the node-agent', { skip }, async (t) => {
  const archive = await build();
  t.equal(sha256Hex(await build()), sha256Hex(archive), 'the same file twice');
  const folder = unpacked(archive, 'blackroad-node');
  const [, first] = execFileSync('tar', ['tzf', join(dir, 'archive.tar.gz')], { encoding: 'utf8' }).split('\n');
  t.equal(first, 'blackroad-node-1.2.3-linux-'.concat(arch, '/release.json'));

  const manifest = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8'));
  t.equal(explain(ReleaseManifest, manifest), '');
  t.match(manifest, { name: 'blackroad-node', version: '1.2.3', arch, built: '2023-11-14T22:13:20Z', protocol: [1] });
  const there = files(folder).filter((path) => path !== 'release.json');
  t.same(there.sort(), Object.keys(manifest.files).sort(), 'it names every file');
  for (const path of there)
    if (sha256Hex(readFileSync(join(folder, path))) !== manifest.files[path]) t.fail(`${path} has another hash`);

  const sbom = JSON.parse(readFileSync(join(folder, 'sbom.cdx.json'), 'utf8'));
  const names = sbom.components.map(({ name }: { name: string }) => name);
  for (const name of ['better-sqlite3', 'mqtt', 'openai', `@node-llama-cpp/linux-${arch}`, about.name])
    t.ok(names.includes(name), `the SBOM names ${name}`);
  const licences = readFileSync(join(folder, 'LICENSES'), 'utf8');
  for (const name of names) t.ok(licences.includes(`\n${name} `), `${name} has a licence`);
  const unit = readFileSync(join(folder, 'blackroad-node.service'), 'utf8');
  t.notMatch(unit, '/opt/blackroad/', 'the unit is for a release');
  t.match(unit, /^ExecStart=\/opt\/blackroad-node\/launch run$/m, 'and starts its launcher');

  const run = (...args: string[]) =>
    execFileSync(join(folder, 'bin/node'), args, { cwd: dirname(own), env: { PATH: '' }, encoding: 'utf8' }).trim();
  t.equal(run(join(folder, 'main.mjs'), '--version'), '1.2.3');
  // Each of them has code for this architecture, which nothing in the bundle names.
  writeFileSync(
    join(folder, 'try.mjs'),
    `import Database from 'better-sqlite3';
import { load } from 'sqlite-vec';
import { getLlama } from 'node-llama-cpp';
const db = new Database(':memory:');
load(db);
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: 1 });
const clients = [(await import('openai')).default.name, (await import('@anthropic-ai/sdk')).default.name, (await import('ws')).WebSocket.name];
console.log(db.prepare('select vec_version() as version').get().version, llama.buildType, ...clients);
process.exit();`,
  );
  t.match(run(join(folder, 'try.mjs')), /^v0\.\d+\.\d+ prebuilt OpenAI Anthropic WebSocket$/);
  const said = execFileSync(join(folder, 'bin/fleet-node'), ['--version'], {
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  });
  t.equal(said.trim(), '1.2.3', 'its command starts its own Node');
});

t.test('a signed archive', { skip }, async (t) => {
  const file = join(dir, 'archive.tar.gz');
  const made = makeSecretKey(systemRandom, '');
  const signature = readSignature(signatureOf(readFileSync(file), readSecretKey(made.secret, ''), 'file:x'));
  const key = readPublicKey(made.public);
  t.equal((await verifyFile(file, signature, [key])).id, key.id);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  await t.rejects(verifyFile(file, signature, [key]), /the file was changed/);
});

t.test('the coordinator', { skip }, async (t) => {
  const folder = unpacked(await build(coordinator), 'blackroad-coordinator');
  t.match(
    readFileSync(join(folder, 'blackroad-coordinator.service'), 'utf8'),
    'ExecStart=/opt/blackroad-coordinator/launch\n',
  );
  const { schema } = JSON.parse(readFileSync(join(folder, 'release.json'), 'utf8'));
  t.equal(schema, newestVersion, 'which database it knows');
  const data = join(dir, 'data');
  const env = { PATH: '/usr/bin:/bin', BLACKROAD_DATA: data };
  const program = spawn(join(folder, 'bin/fleet-coordinator'), ['--port', '0', '--log', 'info'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => program.once('exit', resolve));
  t.teardown(() => program.kill('SIGKILL'));
  let log = '';
  await new Promise<void>((resolve) => {
    for (const stream of [program.stdout, program.stderr])
      stream.on('data', (piece: Buffer) => {
        log += piece;
        if (log.includes('the coordinator works')) resolve();
      });
    program.once('exit', () => resolve());
  });
  t.match(log, /the coordinator works/);
  const fleet = (...args: string[]) => execFileSync(join(folder, 'bin/fleet'), args, { env, encoding: 'utf8' });
  t.match(JSON.parse(fleet('status', '--json')), { version: '1.2.3' });
  t.match(fleet('version'), /^BlackRoad Fleet 1\.2\.3, /);
  t.match(fleet('cache', '--json'), /"on":true/);
  const backup = JSON.parse(fleet('backup', '--json'));
  t.match(fleet('backup', 'verify', backup.path), /every hash is right/, 'its other processes are in it');
  const place = JSON.parse(readFileSync(join(data, 'fleet.json'), 'utf8'));
  const page = await fetch(place.url);
  t.match(await page.text(), /<script/, 'it has its console');
  program.kill('SIGTERM');
  t.equal(await ended, 0);
});
