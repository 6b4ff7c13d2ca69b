// Builds the image: packages, root, file systems, one file, compressed, and what is said of it beside it. In: what is built, and how. Out: files
// in a folder. The same source, lock and time give the same image.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readPublicKey } from '@blackroad/std/minisign';
import { sha256Hex, sha256OfFile } from '@blackroad/std/sha256';
import { ollamaRelease } from '../../protocol/src/ollama-release.ts';
import { archiveOf } from '../../release/src/dist.ts';
import { Packages } from '../../release/src/packages.ts';
import { products } from '../../release/src/products.ts';
import { type SecretKey, signatureOf } from '../../release/src/secret-key.ts';
import { BuildError, type Source, timeText } from '../../release/src/source.ts';
import { licenceList, manifestOf, maxDownloadBytes, sbomOf } from './about.ts';
import { assemble } from './assemble.ts';
import { need, run } from './commands.ts';
import { compress } from './compress.ts';
import { archivesOf, fetched, usualArchives } from './debian.ts';
import type { Description } from './description.ts';
import { installed } from './installed.ts';
import type { LockedPackage } from './lock.ts';
import { unpackedOllama } from './ollama.ts';
import { type NodeAgent, type SystemOrder, systemOf } from './system.ts';

interface ImageOrder {
  source: Source;
  root: string;
  description: Description;
  packages: readonly LockedPackage[];
  mirror: string | undefined;
  npm: readonly string[];
  parts: string;
  out: string;
  key: SecretKey | null;
  publicKey: string | null;
  /** Whether Ollama is in it from the beginning. */
  withOllama: boolean;
  say: (text: string) => void;
}

const programs = {
  mmdebstrap: 'mmdebstrap',
  'arch-test': 'arch-test',
  'dpkg-deb': 'dpkg',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
  sfdisk: 'fdisk',
  xz: 'xz-utils',
  unshare: 'util-linux',
};

/** @throws BuildError where this machine cannot build it */
function checkMachine(): void {
  if (process.getuid?.() !== 0)
    throw new BuildError('building an image needs root, who alone can install packages into a folder: sudo make image');
  need(programs);
  if (process.arch === 'arm64') return;
  try {
    run('arch-test', ['arm64']);
  } catch {
    throw new BuildError(
      'this machine does not run programs for arm64: sudo apt-get install qemu-user-static binfmt-support (in a container: mount binfmt_misc first)',
    );
  }
}

async function nodeAgentOf({ source, root, npm, say }: ImageOrder): Promise<NodeAgent> {
  const product = products.find(({ name }) => name === 'blackroad-node');
  if (!product) throw new BuildError('release: expected a product blackroad-node, got none');
  const packages = new Packages({ root, parts: join(root, 'dist/parts'), npm, say });
  const archive = await archiveOf(product, source, 'arm64', await product.build(packages, root, 'arm64'));
  return { version: source.version, sha256: sha256Hex(archive), archive };
}

/** Each as one file. */
function programsOf(root: string, parts: string): SystemOrder['programs'] {
  const bundled = (name: string) => {
    const program = join(parts, `${name}.mjs`);
    run(process.execPath, [join(root, 'images/src/bundle.ts'), join(root, `images/${name}/src/main.ts`), program]);
    return program;
  };
  return { firstBoot: bundled('first-boot'), ollama: bundled('ollama') };
}

/** Which release a Pi of this image has or fetches. */
async function ollamaOf({ withOllama, parts, say }: ImageOrder): Promise<SystemOrder['ollama']> {
  const release = ollamaRelease;
  return { release, unpacked: withOllama ? await unpackedOllama({ release, parts, say }) : null };
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

/** @throws BuildError */
export async function buildImage(order: ImageOrder): Promise<void> {
  const { source, root, description, packages, mirror, parts, out, key, publicKey, withOllama, say } = order;
  checkMachine();
  for (const folder of [parts, out]) mkdirSync(folder, { recursive: true });
  const { version, epochS, commit } = source;
  say(`version ${version}, commit ${commit}, time ${timeText(epochS)}`);
  const usual = usualArchives(description.suite, parts);
  const debs = join(parts, 'debs');
  await fetched(packages, archivesOf(mirror, usual), debs, say);
  const base = installed({ description, packages, root, debs, parts, say });
  say('building the node-agent for arm64');
  const nodeAgent = await nodeAgentOf(order);
  const ollama = await ollamaOf(order);
  say('putting the system together');
  const work = join(parts, 'work');
  const about = { name: description.name, version, commit, built: timeText(epochS) };
  const { boot, tar } = systemOf({
    description,
    archives: usual,
    base,
    nodeAgent,
    publicKey: publicKey === null ? null : { name: readPublicKey(publicKey).id, text: publicKey },
    programs: programsOf(root, parts),
    ollama,
    about,
    root,
    work,
    epochS,
  });
  say('writing the file systems');
  const name = `${description.name}${withOllama ? '-ollama' : ''}-${version}-arm64`;
  const image = join(out, `${name}.img`);
  const tools = packages.filter(({ use }) => use !== 'image');
  const { bootMB, freeMB } = description;
  const layout = assemble({ boot, tar, tools, debs, work, image: `${image}.coming`, bootMB, freeMB, version, epochS });
  renameSync(`${image}.coming`, image);
  say('compressing');
  const personalStream = compress(image, layout.personalFile, `${image}.xz`);
  const hashed = async (file: string) => ({
    file,
    bytes: statSync(join(out, file)).size,
    sha256: await sha256OfFile(join(out, file)),
  });
  const raw = await hashed(`${name}.img`);
  const download = await hashed(`${name}.img.xz`);
  const whole = { description, source, packages: packages.filter(({ use }) => use !== 'tool'), nodeAgent, ollama };
  const texts = {
    [`${name}.json`]: `${JSON.stringify(manifestOf(whole, { ...layout, personalStream }, raw, download), null, 1)}\n`,
    [`${name}.sbom.cdx.json`]: `${JSON.stringify(sbomOf(whole, join(work, 'root')), null, 1)}\n`,
    [`${name}.licences.txt`]: licenceList(whole, join(work, 'root')),
  };
  const sums = [`${raw.sha256}  ${raw.file}\n`, `${download.sha256}  ${download.file}\n`];
  for (const [file, text] of Object.entries(texts)) {
    writeFileSync(join(out, file), text);
    sums.push(`${sha256Hex(text)}  ${file}\n`);
  }
  const list = sums.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('');
  const listed = `${name}.SHA256SUMS`;
  writeFileSync(join(out, listed), list);
  sign(join(out, listed), key, epochS);
  sign(join(out, `${name}.json`), key, epochS);
  rmSync(work, { recursive: true });
  say(`${raw.file}  ${megabytes(raw.bytes)}  ${raw.sha256}`);
  say(`${download.file}  ${megabytes(download.bytes)}`);
  say(
    key
      ? `${listed} and the manifest are signed with the key ${key.name}`
      : `${listed} (not signed: name a key with KEY=<file>)`,
  );
  if (download.bytes > maxDownloadBytes)
    throw new BuildError(
      `${download.file}: expected at most ${megabytes(maxDownloadBytes)}, got ${megabytes(download.bytes)}`,
    );
}

function sign(file: string, key: SecretKey | null, epochS: number): void {
  if (key === null) return;
  const content = readFileSync(file);
  const comment = `timestamp:${epochS}\tfile:${file.split('/').at(-1)}\tsha256:${sha256Hex(content)}`;
  writeFileSync(`${file}.minisig`, signatureOf(content, key, comment));
}
