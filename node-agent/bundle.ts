// Bundles the node-agent to one file a process: less to load from an SD card and 20 MB less memory than separate modules.
// Native libraries stay outside; the child that runs llama.cpp is its own bundle beside the first.
import { build } from 'esbuild';

const here = new URL('.', import.meta.url).pathname;
await build({
  entryPoints: { main: `${here}src/main.ts`, 'llama-child': `${here}src/runtimes/llama-child.ts` },
  outdir: `${here}dist`,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  format: 'esm',
  target: 'node22',
  external: ['better-sqlite3', 'sqlite-vec', 'node-llama-cpp', 'systeminformation', 'pino-pretty'],
  // Bundled CommonJS libraries still call require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
