// Writes the package's `dist`, which Node-RED loads: one CommonJS file for Node 18 with the four nodes, and one HTML file beside it with their
// dialogs and help. MQTT's client stays a dependency, loaded where an address is one of MQTT.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const dist = join(here, 'dist');
const editors = ['fleet', 'ask', 'event', 'control'];

await build({
  entryPoints: { fleet: join(here, 'src/main.ts') },
  outdir: dist,
  bundle: true,
  platform: 'node',
  target: 'node18',
  format: 'cjs',
  external: ['mqtt'],
  logLevel: 'warning',
  // Node-RED calls what the file exports.
  footer: { js: 'module.exports = module.exports.default;' },
});
mkdirSync(dist, { recursive: true });
// The package itself is made of modules.
writeFileSync(join(dist, 'package.json'), `${JSON.stringify({ type: 'commonjs' })}\n`);
const html = editors.map((name) => readFileSync(join(here, `src/editor/${name}.html`), 'utf8'));
writeFileSync(join(dist, 'fleet.html'), html.join('\n'));
