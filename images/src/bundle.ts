// Writes a program of the image as one file that needs nothing but Node. In: the program's first file, the path of the file that is written.
import { resolve } from 'node:path';
import { build } from 'esbuild';
import { bundling } from '../../release/src/traced.ts';

const [entry, outfile] = process.argv.slice(2);
if (!entry || !outfile) {
  process.stderr.write('bundle: expected the first file of a program, and the path of the file to write\n');
  process.exit(2);
}
await build({
  entryPoints: [resolve(entry)],
  outfile,
  ...bundling,
  write: true,
  logLevel: 'warning',
});
