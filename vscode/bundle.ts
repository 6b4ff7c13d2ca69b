// Bundles the extension into `dist`, where `make vscode` packages it.
import { join } from 'node:path';
import { bundleExtension } from './bundling.ts';

await bundleExtension(join(import.meta.dirname, 'dist'));
