// Builds the console into dist: hashed files beside an index.html that names them, each also compressed once and for all.
// With --dev it stays, builds on every save, keeps the files readable and adds the stories; open pages then load themselves anew.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { type BuildOptions, type BuildResult, build, context, type Plugin } from 'esbuild';
import { found } from './found.ts';

const here = import.meta.dirname;
const dist = join(here, 'dist');
const require = createRequire(import.meta.url);

/** The tests' runner brings an older React to the root of node_modules, where the libraries would find it: one React for all. */
const oneReact = Object.fromEntries(
  ['react', 'react-dom'].map((name) => [name, dirname(require.resolve(`${name}/package.json`))]),
);

interface Output {
  path: string;
  contents: Uint8Array;
}

/** New files are whole before the page names them; only then those of the build before go. */
function write(files: Output[], page: string, dev: boolean) {
  mkdirSync(join(dist, 'assets'), { recursive: true });
  for (const { path, contents } of files) {
    writeFileSync(path, contents);
    if (dev || /\.woff2$/.test(path)) continue;
    writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
    writeFileSync(
      `${path}.br`,
      brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } }),
    );
  }
  for (const icon of ['icon.svg', 'icon-alert.svg']) copyFileSync(join(here, 'src', icon), join(dist, icon));
  const index = join(dist, 'index.html');
  writeFileSync(`${index}.new`, page);
  renameSync(`${index}.new`, index);
  const now = new Set(files.map(({ path }) => basename(path)));
  for (const name of readdirSync(join(dist, 'assets'))) {
    if (!now.has(name.replace(/\.(gz|br)$/, ''))) rmSync(join(dist, 'assets', name));
  }
}

function pageOf(result: BuildResult, dev: boolean): string {
  const entries = Object.entries(result.metafile?.outputs ?? {}).filter(([, { entryPoint }]) => entryPoint);
  const named = (source: string) => {
    const path = entries.find(([, { entryPoint }]) => entryPoint?.endsWith(source))?.[0];
    if (!path) throw new Error(`${source} was not built`);
    return `/assets/${basename(path)}`;
  };
  const stamp = dev ? `\n    <meta name="build" content="${named('src/main.tsx')}">` : '';
  return readFileSync(join(here, 'src/index.html'), 'utf8')
    .replace('{{theme}}', named('src/theme-first.ts'))
    .replace('{{styles}}', named('styles'))
    .replace('{{main}}', `${named('src/main.tsx')}`)
    .replace('{{stamp}}', stamp);
}

function options(dev: boolean): BuildOptions {
  const writing: Plugin = {
    name: 'writing',
    setup({ onEnd }) {
      onEnd((result) => {
        if (result.errors.length === 0) write(result.outputFiles ?? [], pageOf(result, dev), dev);
      });
    },
  };
  return {
    entryPoints: {
      main: join(here, 'src/main.tsx'),
      styles: 'fleet:styles',
      theme: join(here, 'src/theme-first.ts'),
    },
    outdir: join(dist, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    assetNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['chrome120', 'firefox121', 'safari17'],
    jsx: 'automatic',
    minify: !dev,
    sourcemap: dev ? 'inline' : false,
    metafile: true,
    write: false,
    legalComments: 'none',
    loader: { '.woff2': 'file' },
    alias: {
      ...oneReact,
      // Its <style> elements would break the page's content security policy.
      'react-style-singleton': join(here, 'src/shell/adopted-style.ts'),
    },
    define: { 'process.env.NODE_ENV': dev ? '"development"' : '"production"', DEV: String(dev) },
    plugins: [found, writing],
    logLevel: 'warning',
  };
}

const dev = process.argv.includes('--dev');
if (dev) await (await context(options(true))).watch();
else await build(options(false));
