// The files of npm packages that a program loads, found by following their imports; a package as it is installed has ten times as much:
// sources, types, other machines' binaries. In: names of packages. Out: their files by paths in node_modules, and the packages they are of.
// What a package reads or loads by a computed name is in no import: `loadedByName` has it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { isInside } from '@blackroad/std/tar-read';
import { build, type Metafile } from 'esbuild';
import type { Arch, Package, Packages } from './packages.ts';
import { BuildError } from './source.ts';
import type { TreeNode } from './tree.ts';

const js = "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);";
export const bundling = {
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  metafile: true,
  write: false,
  logLevel: 'error',
  banner: { js },
} as const;

/** Names of packages, or files of a package that are found without an import. */
function loadedByName(arch: Arch): Readonly<Record<string, { whole?: string; files?: readonly string[] }>> {
  return {
    'better-sqlite3': { files: [`prebuilds/linux-${arch}.node`] },
    'sqlite-vec': { whole: `sqlite-vec-linux-${arch}` },
    'node-llama-cpp': {
      whole: `@node-llama-cpp/linux-${arch}`,
      files: ['llama/binariesGithubRelease.json', 'llama/llama.cpp.info.json'],
    },
  };
}
/** Copies files by a call of the file system where it can; the fleet fetches its models itself. */
const neverLoaded = ['@reflink/reflink', 'bufferutil', 'utf-8-validate'];
const licence = /^(licen[cs]e|notice|copying)/i;
const notShipped = /\.(md|map|d\.[cm]?ts)$/;

/** `node_modules/a/node_modules/@b/c` of any path below it; null outside of node_modules. */
function packageFolder(path: string): string | null {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? null;
}
/** @throws BuildError where a package is one of another folder: no lock file vouches for it, and its path would lead out of the archive */
export function packagesOf({ inputs }: Metafile, packages: Packages, root: string): Package[] {
  const folders = new Set(Object.keys(inputs).map(packageFolder));
  folders.delete(null);
  return [...folders].map((folder) => {
    if (!isInside(folder as string))
      throw new BuildError(
        `node_modules: expected a folder of ${root} with its own packages, got a link to ${resolve(root, folder as string)}: remove the link, and run make install`,
      );
    return packages.at(join(root, folder as string));
  });
}

interface Traced {
  files: Map<string, TreeNode>;
  packages: Package[];
}

export async function traced(names: readonly string[], arch: Arch, packages: Packages, root: string): Promise<Traced> {
  const files = new Map<string, TreeNode>();
  const found: Package[] = [];
  const add = (path: string, from: string) => files.set(path, { content: readFileSync(from) });
  // Both ways of loading: a package may have a file for each.
  const contents = names.map((name) => `import('${name}'); require('${name}');`).join('\n');
  const { metafile } = await build({
    ...bundling,
    stdin: { contents, resolveDir: root },
    absWorkingDir: root,
    external: ['*.node', '@node-llama-cpp/*', ...neverLoaded],
  });
  for (const path of Object.keys(metafile.inputs)) {
    const top = packageFolder(path);
    if (top === null) continue;
    add(path, join(root, path));
    // A folder may say of its files whether they are modules.
    for (let folder = dirname(path); folder !== top; folder = dirname(folder)) {
      const about = join(folder, 'package.json');
      if (existsSync(join(root, about))) add(about, join(root, about));
    }
  }
  for (const each of packagesOf(metafile, packages, root)) {
    found.push(each);
    const folder = relative(root, each.folder);
    for (const name of readdirSync(each.folder))
      if (name === 'package.json' || licence.test(name)) add(join(folder, name), join(each.folder, name));
  }
  for (const name of names) {
    const { whole, files: more = [] } = loadedByName(arch)[name] ?? {};
    const { folder } = await packages.locked(name);
    for (const file of more) add(`node_modules/${name}/${file}`, join(folder, file));
    if (whole === undefined) continue;
    const other = await packages.locked(whole);
    found.push(other);
    for (const entry of readdirSync(other.folder, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      if (entry.isFile() && !notShipped.test(entry.name))
        add(join('node_modules', whole, relative(other.folder, from)), from);
    }
  }
  return { files, packages: found };
}

/** A package of plain JavaScript as one file. */
export async function inOneFile(name: string, packages: Packages, root: string): Promise<Traced> {
  const { metafile, outputFiles } = await build({
    ...bundling,
    stdin: { contents: `export * from '${name}'; export { default } from '${name}';`, resolveDir: root },
    absWorkingDir: root,
    external: neverLoaded,
  });
  const own = await packages.locked(name);
  const about = { name, version: own.version, license: own.license, type: 'module', exports: './index.mjs' };
  return {
    files: new Map([
      [`node_modules/${name}/index.mjs`, { content: Buffer.from(outputFiles[0]?.contents ?? []) }],
      [`node_modules/${name}/package.json`, { content: Buffer.from(`${JSON.stringify(about)}\n`) }],
    ]),
    packages: packagesOf(metafile, packages, root),
  };
}
