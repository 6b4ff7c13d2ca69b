// Writes the first boot as one file that needs nothing but Node. In: the path of that file.
import { build } from 'esbuild';

const [outfile] = process.argv.slice(2);
if (!outfile) {
  process.stderr.write('bundle: expected the path of the file that it writes\n');
  process.exit(2);
}
await build({
  entryPoints: [new URL('src/main.ts', import.meta.url).pathname],
  outfile,
  bundle: true,
  minify: true,
  keepNames: true,
  platform: 'node',
  target: 'node22',
  format: 'esm',
  logLevel: 'warning',
  // Libraries in CommonJS ask for Node's own modules.
  banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
});
