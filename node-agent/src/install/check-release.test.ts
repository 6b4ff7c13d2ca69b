// What the installer asks before it installs: real archives and signatures, in a folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Release, ReleaseList } from '@blackroad/protocol';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { sampleKey, sampleRelease } from '../../../test/fixtures/sample-release.ts';
import { checkReleaseVerb } from './check-release.ts';

const ours = sampleKey();
const stranger = sampleKey();
const skip = ['x64', 'arm64'].includes(process.arch) && process.platform === 'linux' ? false : 'no release for here';
const files = { 'main.mjs': sha256Hex('console.log(1)'), padding: sha256Hex('') };

/** The folder of an installer that has fetched and unpacked a release. */
async function fetched(t: Test, signer = ours, about: Record<string, unknown> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'fleet-check-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const { content, signature } = await sampleRelease(signer, { arch: process.arch, files, ...about });
  const [archive, list, folder, keys] = ['archive', 'list.json', 'new', 'keys'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(archive, content);
  mkdirSync(folder);
  execFileSync('tar', ['xzf', archive, '-C', folder, '--strip-components=1']);
  const told = (named: Partial<Release> = {}) => {
    const { version = '0.2.0' } = about as { version?: string };
    const release = { ...{ sha256: sha256Hex(content), name: 'blackroad-node', version, os: 'linux' } };
    const rest = { arch: process.arch, commit: 'c', built: '', protocol: [1], bytes: content.length, signature };
    const row = { ...release, ...rest, keyId: '', comment: '', addedMs: 1, addedBy: 'key:a', ...named } as Release;
    const answer = { releases: [row], keys: [], keysFolder: '', heldBytes: 1, maxBytes: 1 } satisfies ReleaseList;
    writeFileSync(list, JSON.stringify(answer));
  };
  told();
  mkdirSync(keys);
  writeFileSync(join(keys, 'ours.pub'), ours.pub);
  const ask = (running = 'none', ...consents: string[]) =>
    checkReleaseVerb(['archive', archive, list, folder, keys, running, ...consents]);
  return { archive, folder, keys, told, ask };
}

t.test('a release that a key of this machine has signed is taken, another is refused', { skip }, async (t) => {
  const { ask } = await fetched(t);
  t.equal(await ask(), `blackroad-node 0.2.0 is signed by ${ours.secret.name}, and whole`);
  const foreign = await fetched(t, stranger);
  const words = (known: string) =>
    new RegExp(`the key ${stranger.secret.name} has signed it, and this machine trusts ${known}`);
  await t.rejects(foreign.ask(), { code: 'release-refused', message: words(ours.secret.name) });
  rmSync(foreign.keys, { recursive: true });
  await t.rejects(foreign.ask(), { message: words('none') });
});

t.test('an older one is refused, by the version that is signed', { skip }, async (t) => {
  const { ask, told, folder } = await fetched(t, ours, { version: '0.1.9' });
  await t.rejects(ask('0.2.0'), { message: /0\.1\.9 is older than 0\.2\.0, which runs here/ });
  t.match(await ask('0.2.0', 'older'), /0\.1\.9 is signed by/);
  t.match(await ask('0.1.9'), /0\.1\.9 is signed by/);
  const files = (...running: string[]) => checkReleaseVerb(['files', folder, ...running]);
  await t.rejects(files('0.2.0'), { message: /0\.1\.9 is older than 0\.2\.0, which runs here/ });
  t.equal(await files('0.2.0', 'older'), 'blackroad-node 0.1.9 is whole');
  told({ version: '0.3.0' });
  await t.rejects(ask('0.2.0'), { message: /version: expected 0\.3\.0, got 0\.1\.9/ }, 'a list can be replayed');
});

t.test('what was changed after it was signed is refused', { skip }, async (t) => {
  const changed = await fetched(t);
  writeFileSync(changed.archive, 'something else');
  await t.rejects(changed.ask(), { message: /not one that the coordinator has named/ });
  const forged = await fetched(t);
  forged.told({ signature: (await sampleRelease(ours, { commit: 'another' })).signature });
  await t.rejects(forged.ask(), { message: /it is of another file/ });
  const cases: [(folder: string) => void, RegExp][] = [
    [(folder) => writeFileSync(join(folder, 'main.mjs'), 'console.log(2)'), /main\.mjs is not as release\.json says/],
    [(folder) => writeFileSync(join(folder, 'more.mjs'), ''), /more\.mjs is in it, and release\.json does not name it/],
    [(folder) => rmSync(join(folder, 'main.mjs')), /main\.mjs is missing/],
  ];
  for (const [change, words] of cases) {
    const { ask, folder } = await fetched(t);
    change(folder);
    await t.rejects(ask(), { message: words });
    await t.rejects(checkReleaseVerb(['files', folder]), { message: words });
  }
  const other = await fetched(t, ours, { arch: process.arch === 'x64' ? 'arm64' : 'x64' });
  await t.rejects(other.ask(), { message: /arch: expected/ });
  const { folder } = await fetched(t);
  writeFileSync(join(folder, '.archive-sha256'), 'a'.repeat(64));
  t.equal(await checkReleaseVerb(['files', folder]), 'blackroad-node 0.2.0 is whole', 'what tells its archive counts');
  await t.rejects(checkReleaseVerb(['archive']), { message: /for the installer/ });
});
