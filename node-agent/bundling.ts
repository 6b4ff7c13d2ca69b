// How the node-agent becomes one file a process: less to load from an SD card and 20 MB less memory than separate modules.
// Native libraries stay outside; the children that run llama.cpp and look at the
// machine are bundles of their own beside the first. What a node
// never uses is left out (lean.ts). TypeBox is a file of its own that an idle node does not load: [M] 2.5 MB.
import { build, type Metafile } from 'esbuild';
import { lean } from './lean.ts';
import { buildSchemaErrors, plainSchemas } from './plain-schemas.ts';

const here = new URL('.', import.meta.url).pathname;

/** Writes the bundle into a folder; the answer says what is in it. */
export async function bundleNodeAgent(folder: string): Promise<Metafile> {
  const common = { minify: true, target: 'node22', logLevel: 'warning' } as const;
  const { metafile } = await build({
    entryPoints: {
      main: `${here}src/main.ts`,
      'llama-child': `${here}../model-server/src/llama/llama-child.ts`,
      'hardware-child': `${here}src/hardware/look-child.ts`,
    },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    metafile: true,
    absWorkingDir: new URL('..', import.meta.url).pathname,
    ...common,
    keepNames: true,
    platform: 'node',
    format: 'esm',
    // The clients of paid APIs are loaded by nodes for one alone.
    external: ['better-sqlite3', 'sqlite-vec', 'node-llama-cpp', 'pino-pretty', 'openai', '@anthropic-ai/sdk'],
    ...lean,
    alias: plainSchemas.alias,
    plugins: [...lean.plugins, ...plainSchemas.plugins],
  });
  await buildSchemaErrors(folder, common);
  return metafile;
}
