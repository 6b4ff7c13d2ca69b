// Builds what people install: of each product and architecture an archive, a package and an image, then their hashes and, with a key,
// signatures. In: what is released, and how. Out: files in a folder. The same source gives the same files.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '@blackroad/std/sha256';
import { withAbout } from './about.ts';
import { type BaseLayer, baseLayer, imageUser } from './base-layer.ts';
import type { Built } from './built.ts';
import { debArch, debOf } from './deb.ts';
import { imageOf } from './oci.ts';
import type { Arch, Packages } from './packages.ts';
import { asSystemFiles, folders, launched, type Notes, type Product, placed } from './products.ts';
import { type SecretKey, signatureOf } from './secret-key.ts';
import { type Source, timeText } from './source.ts';
import { gzipped, tarOf } from './tar-write.ts';
import { below, type Tree, type TreeNode, text } from './tree.ts';

interface DistOrder {
  source: Source;
  packages: Packages;
  products: readonly Product[];
  arches: readonly Arch[];
  forms: readonly Form[];
  out: string;
  key: SecretKey | null;
  say: (text: string) => void;
}
export const forms = ['tar', 'deb', 'oci'] as const;
type Form = (typeof forms)[number];

/** The mode of `/tmp`. */
const stickyMode = 0o1777;

function archiveName({ name }: Product, { version }: Source, arch: Arch): string {
  return `${name}-${version}-linux-${arch}`;
}

export async function archiveOf(product: Product, source: Source, arch: Arch, built: Built): Promise<Buffer> {
  const { packages, schema } = built;
  const tree = withAbout(launched(placed(product, built.tree, 'archive')), {
    ...{ product, arch, source, packages, schema },
  });
  const top = archiveName(product, source, arch);
  return gzipped(tarOf(below(top, tree), source.epochS, { first: `${top}/release.json` }));
}

function systemTree(product: Product, source: Source, arch: Arch, built: Built, notes: Notes): Map<string, TreeNode> {
  const { packages, schema } = built;
  const about = { product, arch, source, packages, schema };
  return asSystemFiles(product, withAbout(placed(product, built.tree, 'system'), about), notes);
}

function packageOf(product: Product, source: Source, arch: Arch, tree: Tree): Promise<Buffer> {
  const { name, text: line, more, isStarted } = product;
  return debOf({ name, ...source, arch, description: `${line}\n${more}`, tree, unit: `${name}.service`, isStarted });
}

/** A file of lines in the release, without the program that reads it: an image has no shell. */
function linesIn(tree: Tree, path: string): string[] {
  const node = tree.get(path);
  return node && 'content' in node ? node.content.toString().split('\n').filter(Boolean) : [];
}

async function imageFileOf(product: Product, source: Source, arch: Arch, tree: Tree, base: BaseLayer): Promise<Buffer> {
  const { name, image } = product;
  const home = folders.system(name);
  const data = new Map<string, TreeNode>([
    ['data', { folder: 0o700, owner: imageUser }],
    ['tmp', { folder: stickyMode, owner: 0 }],
  ]);
  const own = home.slice(1);
  const layout = await imageOf({
    name,
    ...source,
    arch,
    layers: [
      { tree: new Map([...base.tree, ...data]), text: base.packages.join(', ') },
      { tree, text: `${name} ${source.version}` },
    ],
    entrypoint: [`${home}/bin/node`, ...linesIn(tree, `${own}/v8-flags`), `${home}/main.mjs`],
    env: [`PATH=${home}/bin:/usr/bin`, `${image.env}=/data`, ...linesIn(tree, `${own}/malloc-env`)],
    cmd: image.cmd,
    ports: image.ports,
    data: '/data',
    user: imageUser,
  });
  return tarOf(layout, source.epochS);
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

export async function dist(order: DistOrder): Promise<void> {
  const { source, packages, arches, out, key, say } = order;
  mkdirSync(out, { recursive: true });
  const sums: string[] = [];
  const write = (name: string, content: Buffer) => {
    writeFileSync(join(out, name), content);
    sums.push(`${sha256Hex(content)}  ${name}\n`);
    say(`${name}  ${megabytes(content.length)}`);
  };
  const sign = (name: string, content: Buffer) => {
    if (key === null) return;
    const comment = `timestamp:${source.epochS}\tfile:${name}\tsha256:${sha256Hex(content)}`;
    writeFileSync(join(out, `${name}.minisig`), signatureOf(content, key, comment));
  };
  say(`version ${source.version}, commit ${source.commit}, time ${timeText(source.epochS)}`);
  const read = (name: string) => readFileSync(join(source.root, name));
  const notes = { license: read('LICENSE').toString(), changelog: await gzipped(read('CHANGELOG.md')) };
  for (const arch of arches) {
    const base = order.forms.includes('oci') ? await baseLayer(arch) : { why: 'not asked for' };
    if ('why' in base && order.forms.includes('oci')) say(`no images for ${arch}: ${base.why}`);
    for (const product of order.products) {
      const built = await product.build(packages, source.root, arch);
      if (order.forms.includes('tar')) {
        const name = `${archiveName(product, source, arch)}.tar.gz`;
        const archive = await archiveOf(product, source, arch, built);
        write(name, archive);
        sign(name, archive);
      }
      const tree = systemTree(product, source, arch, built, notes);
      if (order.forms.includes('deb'))
        write(`${product.name}_${source.version}_${debArch[arch]}.deb`, await packageOf(product, source, arch, tree));
      if ('tree' in base)
        write(`${archiveName(product, source, arch)}.oci.tar`, await imageFileOf(product, source, arch, tree, base));
    }
  }
  const list = text(sums.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('')).content;
  writeFileSync(join(out, 'SHA256SUMS'), list);
  sign('SHA256SUMS', list);
  say(
    key === null
      ? 'SHA256SUMS (not signed: name a key with KEY=<file>, see docs/releasing.md)'
      : `SHA256SUMS and the archives are signed with the key ${key.name}`,
  );
}
