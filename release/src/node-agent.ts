// The release of the node-agent: the bundle, the libraries that stay outside of it, Node, the unit. It loads nothing from outside of its
// folder but the C library.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleNodeAgent } from '../../node-agent/bundling.ts';
import type { Built } from './built.ts';
import type { Arch, Packages } from './packages.ts';
import { inOneFile, packagesOf, traced } from './traced.ts';
import { type TreeNode, text } from './tree.ts';

/** Libraries with native code, and `ws`, whose import is an external one in the bundle. */
const outside = ['better-sqlite3', 'sqlite-vec', 'node-llama-cpp', 'ws'];
/** The clients of paid APIs: loaded by few nodes. */
const rarely = ['openai', '@anthropic-ai/sdk'];

export async function nodeAgent(packages: Packages, root: string, arch: Arch): Promise<Built> {
  const tree = new Map<string, TreeNode>();
  const found = [await packages.node(arch)];
  const folder = mkdtempSync(join(tmpdir(), 'fleet-bundle-'));
  try {
    found.push(
      ...packagesOf(await bundleNodeAgent(folder), packages, root),
      packages.at(join(root, 'node_modules/typebox')),
    );
    for (const name of readdirSync(folder)) tree.set(name, { content: readFileSync(join(folder, name)) });
  } finally {
    rmSync(folder, { recursive: true });
  }
  const parts = [await traced(outside, arch, packages, root)];
  for (const name of rarely) parts.push(await inOneFile(name, packages, root));
  for (const { files, packages: more } of parts) {
    for (const [path, node] of files) tree.set(path, node);
    found.push(...more);
  }
  const node = found[0]?.folder as string;
  tree.set('bin/node', { content: readFileSync(join(node, 'bin/node')), isProgram: true });
  for (const name of ['fleet-node', 'node-path.sh'])
    tree.set(`bin/${name}`, text(readFileSync(join(root, 'bin', name), 'utf8'), name === 'fleet-node'));
  for (const name of ['launch', 'os-update'])
    tree.set(name, text(readFileSync(join(root, 'node-agent', name), 'utf8'), true));
  for (const name of ['v8-flags', 'malloc-env', 'install.sh'])
    tree.set(name, text(readFileSync(join(root, 'node-agent', name), 'utf8')));
  for (const kind of ['service', 'sysusers.conf', 'tmpfiles.conf'])
    tree.set(
      `blackroad-node.${kind}`,
      text(readFileSync(join(root, `node-agent/systemd/blackroad-node.${kind}`), 'utf8')),
    );
  for (const kind of ['service', 'path'])
    tree.set(
      `blackroad-os-update.${kind}`,
      text(readFileSync(join(root, `node-agent/systemd/blackroad-os-update.${kind}`), 'utf8')),
    );
  return { tree, packages: found };
}
