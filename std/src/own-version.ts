// Where a running program was released from: the version of the `release.json` beside it, or that of a checkout.
import { readFileSync } from 'node:fs';

/** Whether the program runs from a bundle, and the files that it starts are bundles beside it. */
export function isBundle(moduleUrl: string): boolean {
  return moduleUrl.endsWith('.mjs');
}

/** `packageJson`: its place in a checkout, seen from the module. */
export function ownVersion(moduleUrl: string, packageJson: string): string {
  const read = (path: string) => JSON.parse(readFileSync(new URL(path, moduleUrl), 'utf8')) as { version: string };
  if (isBundle(moduleUrl)) {
    try {
      return read('./release.json').version;
    } catch {
      // A bundle of a checkout has none.
    }
  }
  return read(packageJson).version;
}
