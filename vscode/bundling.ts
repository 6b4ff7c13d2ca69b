// How the extension becomes the folder that is packaged: one file for the editor, one for the process that speaks MCP, the manifest, the icon.
import { copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;

/** Writes the extension into a folder of its own. */
export async function bundleExtension(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: { extension: join(here, 'src/extension.ts'), bridge: join(here, 'src/bridge.ts') },
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    absWorkingDir: join(here, '..'),
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    // The editor's own Node, as of 1.101.
    target: 'node22',
    format: 'cjs',
    external: ['vscode'],
    logLevel: 'warning',
  });
  for (const name of ['package.json', 'README.md']) copyFileSync(join(here, name), join(folder, name));
  copyFileSync(join(here, '../LICENSE'), join(folder, 'LICENSE.txt'));
  cpSync(join(here, 'media'), join(folder, 'media'), { recursive: true });
}
