// Bundles the coordinator, its children and `fleet` into coordinator/dist as a release has them, for the end-to-end tests of `make test`:
// a start takes a third of the processor time that the modules of a checkout do, which each of its threads loads for itself.
import { copyFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ownVersion } from '@blackroad/std/own-version';
import { build } from 'esbuild';
import { bundlesOf } from '../release/src/coordinator.ts';

const root = resolve(import.meta.dirname, '..');
const folder = resolve(root, 'coordinator/dist');
// The names of what they share change with its content.
rmSync(folder, { recursive: true, force: true });
const { entryPoints, ...how } = bundlesOf(root, folder);
// What opens a store in threads, for the suites that all stores pass.
const ofTests = { 'worker-store': 'coordinator/src/store/worker/worker-store.ts' };
await build({ ...how, entryPoints: { ...entryPoints, ...ofTests }, write: true });
copyFileSync(resolve(root, 'node-agent/install.sh'), resolve(folder, 'install.sh'));
symlinkSync('../console/dist', resolve(folder, 'console'));
writeFileSync(
  resolve(folder, 'package.json'),
  JSON.stringify({ version: ownVersion(import.meta.url, '../package.json') }),
);
// The commands that `fleet` prints name it.
symlinkSync('../../bin', resolve(folder, 'bin'));
