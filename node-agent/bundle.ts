// Bundles the node-agent to one file a process: less to load from an SD card and 20 MB less memory than separate modules.
// Native libraries stay outside; the child that runs llama.cpp is its own bundle beside the first. What libraries would load for
// browsers, proxies and WebSockets, none of which a node uses, is left out: [M] 7 MB of memory and a third of the file. TypeBox is a
// file of its own that an idle node does not load: [M] 2.5 MB.
import { build, type Plugin } from 'esbuild';
import { buildSchemaErrors, plainSchemas } from './plain-schemas.ts';

const here = new URL('.', import.meta.url).pathname;

/** Never called here: mqtt.js's other transports and its timers for browsers, pino's transports in worker threads. */
const unused = ['ws', 'socks', 'worker-timers', 'thread-stream', 'pino-abstract-transport'];
const lean: Plugin = {
  name: 'lean',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(${unused.join('|')})$`) }, ({ path, kind }) =>
      // The request channel of a busy node loads the real one.
      path === 'ws' && kind === 'dynamic-import' ? { path, external: true } : { path, namespace: 'unused' },
    );
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
    // A second copy of Node's own streams, for browsers.
    build.onResolve({ filter: /^readable-stream$/ }, () => ({ path: 'node:stream', namespace: 'builtin' }));
    // `import` of a built-in module reads each of its properties, the lazy ones too: `node:http` so loads undici (6 MB), `node:crypto`
    // WebCrypto.
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }));
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
    }));
    // Asked several times for each packet whether somebody traces; the node has its own log.
    build.onResolve({ filter: /^debug$/ }, () => ({ path: 'debug', namespace: 'silent' }));
    build.onLoad({ filter: /.*/, namespace: 'silent' }, () => ({
      contents:
        'const silent = () => {}; silent.enabled = false; silent.extend = () => silent; module.exports = () => silent;',
    }));
  },
};

const common = { minify: true, target: 'node22', logLevel: 'warning' } as const;
await build({
  entryPoints: { main: `${here}src/main.ts`, 'llama-child': `${here}src/runtimes/llama-child.ts` },
  outdir: `${here}dist`,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  ...common,
  keepNames: true,
  platform: 'node',
  format: 'esm',
  external: ['better-sqlite3', 'sqlite-vec', 'node-llama-cpp', 'systeminformation', 'pino-pretty'],
  plugins: [lean, plainSchemas],
  // Bundled CommonJS libraries still call require.
  banner: {
    js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);",
  },
});
await buildSchemaErrors(`${here}dist`, common);
