// What the installer asks before it installs: real archives and signatures, in a folder.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Release, ReleaseList } from '@blackroad/protocol';
import { readPublicKey, readSignature } from '@blackroad/std/minisign';
import { sha256Hex } from '@blackroad/std/sha256';
import t, { type Test } from 'tap';
import { type SampleKey, sampleKey, sampleRelease } from '../../../test/fixtures/sample-release.ts';
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
  const told = (trusted: SampleKey[], text = signature) => {
    const release = { ...{ sha256: sha256Hex(content), name: 'blackroad-node', version: '0.2.0', os: 'linux' } };
    const rest = { arch: process.arch, commit: 'c', built: '', protocol: [1], bytes: content.length, signature: text };
    const row = {
      ...release,
      ...rest,
      keyId: readSignature(signature).keyId,
      comment: '',
      addedMs: 1,
      addedBy: 'key:a',
    };
    const keys = trusted.map(({ pub }) => ({
      id: readPublicKey(pub).id,
      text: readPublicKey(pub).text,
      file: 'x.pub',
    }));
    const answer = {
      releases: [row as Release],
      keys,
      keysFolder: '',
      heldBytes: 1,
      maxBytes: 1,
    } satisfies ReleaseList;
    writeFileSync(list, JSON.stringify(answer));
  };
  told([ours]);
  const ask = (installed = 'none', ...consents: string[]) =>
    checkReleaseVerb(['archive', archive, list, folder, keys, installed, ...consents]);
  return { archive, folder, keys, told, ask };
}

t.test(
  'the first release is taken by the keys that the coordinator told, which are those of the machine from then on',
  { skip },
  async (t) => {
    const { ask, keys, told } = await fetched(t);
    t.equal(await ask(), `blackroad-node 0.2.0 is signed by ${ours.secret.name}, and whole`);
    t.same(readdirSync(keys), [`${ours.secret.name}.pub`]);
    told([stranger]);
    t.match(await ask('0.1.0'), /is signed by/, 'what the coordinator trusts by now does not count');
  },
);

t.test('another key is refused, and taken with consent', { skip }, async (t) => {
  const { ask, keys, told } = await fetched(t, stranger);
  mkdirSync(keys);
  writeFileSync(join(keys, 'ours.pub'), ours.pub);
  told([ours, stranger]);
  const words = new RegExp(
    `the key ${stranger.secret.name} has signed it, and this machine trusts ${ours.secret.name}`,
  );
  await t.rejects(ask('0.1.0'), { code: 'release-refused', message: words });
  t.same(readdirSync(keys), ['ours.pub']);
  await ask('0.1.0', 'new-keys');
  t.same(readdirSync(keys).sort(), [ours, stranger].map(({ secret }) => `${secret.name}.pub`).sort());
});

t.test('an older one is refused, by the version that is signed', { skip }, async (t) => {
  const { ask, told } = await fetched(t, ours, { version: '0.1.9' });
  told([ours]);
  await t.rejects(ask('0.2.0'), { message: /0\.1\.9 is older than 0\.2\.0, which runs here/ });
  t.match(await ask('0.2.0', 'older'), /0\.1\.9 is signed by/);
  t.match(await ask('0.1.9'), /0\.1\.9 is signed by/);
});

t.test('what was changed after it was signed is refused', { skip }, async (t) => {
  const changed = await fetched(t);
  writeFileSync(changed.archive, 'something else');
  await t.rejects(changed.ask(), { message: /not one that the coordinator has named/ });
  const forged = await fetched(t);
  forged.told([ours], (await sampleRelease(ours, { commit: 'another' })).signature);
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
  await t.rejects(other.ask(), { message: /this machine needs blackroad-node for linux/ });
  t.equal(await checkReleaseVerb(['files', (await fetched(t)).folder]), 'blackroad-node 0.2.0 is whole');
  await t.rejects(checkReleaseVerb(['archive']), { message: /for the installer/ });
});
