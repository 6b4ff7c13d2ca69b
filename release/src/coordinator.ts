// The release of the coordinator: its process, the threads of the store, the processes of backups, of the model cache
// and of its own embedder, and the `fleet` command as bundles that share what they have in common, the console's files, Node, the unit.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { newestVersion } from '../../coordinator/src/store/sqlite/migrations.ts';
import type { Built } from './built.ts';
import type { Arch, Packages } from './packages.ts';
import { BuildError } from './source.ts';
import { bundling, packagesOf, traced } from './traced.ts';
import { type TreeNode, text } from './tree.ts';

const outside = ['better-sqlite3', 'sqlite-vec', 'node-llama-cpp'];
/** The names by which they start each other. */
const entryPoints = {
  main: 'coordinator/src/main.ts',
  'store-worker': 'coordinator/src/store/worker/worker.ts',
  'scan-thread': 'coordinator/src/vectors/scan-thread.ts',
  backup: 'coordinator/src/backup/process.ts',
  document: 'coordinator/src/documents/process.ts',
  'model-cache': 'coordinator/src/model-cache/process.ts',
  'people-door': 'coordinator/src/bus/people/process.ts',
  'llama-child': 'model-server/src/llama/llama-child.ts',
  fleet: 'coordinator/cli/src/main.ts',
};

/** `root`: the folder of the project whose source it is; the bundles find each other in `folder`. */
export const bundlesOf = (root: string, folder: string) =>
  ({
    ...bundling,
    absWorkingDir: root,
    entryPoints,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    splitting: true,
    external: [...outside, 'pino-pretty'],
  }) satisfies BuildOptions;

export async function coordinator(packages: Packages, root: string, arch: Arch): Promise<Built> {
  const tree = new Map<string, TreeNode>();
  const { metafile, outputFiles } = await build(bundlesOf(root, join(root, 'dist')));
  for (const { path, contents } of outputFiles)
    tree.set(relative(join(root, 'dist'), path), { content: Buffer.from(contents) });
  const libraries = await traced(outside, arch, packages, root);
  for (const [path, node] of libraries.files) tree.set(path, node);
  const console = join(root, 'coordinator/console/dist');
  if (!existsSync(join(console, 'index.html')))
    throw new BuildError(`${console}: expected the console's files, which make builds, got none`);
  for (const entry of readdirSync(console, { recursive: true, withFileTypes: true })) {
    const from = join(entry.parentPath, entry.name);
    if (entry.isFile()) tree.set(join('console', relative(console, from)), { content: readFileSync(from) });
  }
  const node = await packages.node(arch);
  tree.set('bin/node', { content: readFileSync(join(node.folder, 'bin/node')), isProgram: true });
  for (const name of ['fleet', 'fleet-coordinator', 'node-path.sh'])
    tree.set(`bin/${name}`, text(readFileSync(join(root, 'bin', name), 'utf8'), !name.endsWith('.sh')));
  tree.set('launch', text(readFileSync(join(root, 'coordinator/launch'), 'utf8'), true));
  tree.set('install.sh', text(readFileSync(join(root, 'node-agent/install.sh'), 'utf8')));
  for (const kind of ['service', 'sysusers.conf'])
    tree.set(
      `blackroad-coordinator.${kind}`,
      text(readFileSync(join(root, `coordinator/systemd/blackroad-coordinator.${kind}`), 'utf8')),
    );
  const found = [node, ...packagesOf(metafile, packages, root), ...libraries.packages];
  return { tree, packages: found, schema: newestVersion };
}
