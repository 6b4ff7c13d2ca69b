// What the bundle of the node-agent leaves out of its libraries: code for browsers, proxies and WebSockets, none of which a node uses.
// [M] 7 MB of memory and a third of the file.
import type { BuildOptions, Plugin } from 'esbuild';

/** Never called here: mqtt.js's other transports and its timers for browsers, pino's transports in worker threads, a fetch for browsers. */
const unused = ['ws', 'socks', 'worker-timers', 'thread-stream', 'pino-abstract-transport', 'whatwg-fetch'];

const plugin: Plugin = {
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

export const lean = {
  plugins: [plugin],
  // Bundled CommonJS libraries still call require. The package `ollama` compares what it is given with `Headers` at each request, and
  // Node loads undici (14 MB) as soon as that name is read; nothing in a node-agent makes such an object.
  banner: {
    js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url); const Headers = class {};",
  },
} satisfies BuildOptions;
