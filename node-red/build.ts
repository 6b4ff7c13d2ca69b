// Writes the package's `dist`, which Node-RED loads: one CommonJS file for Node 18 with the four nodes, and one HTML file beside it with their
// dialogs and help. The dialog of a node of a flow gets the rows that all have from dialog.html. MQTT's client stays a dependency, loaded where
// an address is one of MQTT.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const dist = join(here, 'dist');
/** Of flows. What they share is in fleet.html, which comes first, with the configuration node. */
const nodes = ['ask', 'event', 'control'];

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
const editor = (name: string) => readFileSync(join(here, `src/editor/${name}.html`), 'utf8');
const [first = '', last] = editor('dialog').split(/^ *<!-- the rows of the node -->\n/m);
if (last === undefined) throw new Error('dialog.html: expected a line for the rows of the node, got none');
function withSharedRows(name: string): string {
  const html = editor(name);
  const whole = html.replace(
    /(<script type="text\/html" data-template-name="[^"]+">\n)(.*?)(<\/script>)/s,
    (_all, begin: string, own: string, end: string) => begin + first + own + last + end,
  );
  if (whole === html) throw new Error(`${name}.html: expected a dialog (data-template-name), got none`);
  return whole;
}
writeFileSync(join(dist, 'fleet.html'), [editor('fleet'), ...nodes.map(withSharedRows)].join('\n'));
