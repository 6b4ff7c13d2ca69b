// The real release of the node-agent for this machine under versions of its own, signed by throw-away keys: what install-check and ansible-check
// install. In: the folder to write into. Out: paths of archives, each with its signature beside it.
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { archiveOf } from '../../release/src/dist.ts';
import { type Arch, Packages } from '../../release/src/packages.ts';
import { products } from '../../release/src/products.ts';
import { signatureOf } from '../../release/src/secret-key.ts';
import { type TreeNode, text } from '../../release/src/tree.ts';
import type { SampleKey } from '../fixtures/sample-release.ts';

const root = resolve(import.meta.dirname, '../..');

/** `changes`: files that this version has in place of the real ones; `before`: what its program does first. */
export type MakeRelease = (
  version: string,
  key: SampleKey,
  changes?: readonly [string, TreeNode][],
  before?: string,
) => Promise<string>;

/** A file that keeps a release from starting. */
export const doesNotStart: readonly [string, TreeNode][] = [['v8-flags', text('--no-such-flag\n')]];

export async function releaseMaker(
  folder: string,
  say: (words: string) => void,
  arch = process.arch as Arch,
): Promise<MakeRelease> {
  const [product] = products as [(typeof products)[number]];
  const npm = (process.env.NPM || 'npm').split(' ');
  const packages = new Packages({ root, parts: join(root, 'dist/parts'), npm, say });
  const built = await product.build(packages, root, arch);
  return async (version, key, changes = [], before = '') => {
    const tree = new Map([...built.tree, ...changes]);
    const program = tree.get('main.mjs') as { content: Buffer };
    tree.set('main.mjs', { content: Buffer.concat([Buffer.from(before), program.content]) });
    const source = { root, version, commit: 'c'.repeat(40), epochS: 1_700_000_000 };
    const content = await archiveOf(product, source, arch, { ...built, tree });
    const file = join(folder, `blackroad-node-${version}-linux-${arch}.tar.gz`);
    writeFileSync(file, content);
    writeFileSync(`${file}.minisig`, signatureOf(content, key.secret, `file:${version}`));
    return file;
  };
}
