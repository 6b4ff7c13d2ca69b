// The public keys that a release may be signed by: the `.pub` files of one folder. They are read anew each time, so that a key that was put
// there, or taken away, counts at once. Nobody can add one over the network: who may trust a key is who may write on that disk.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from './log.ts';
import { type PublicKey, readPublicKey } from './minisign.ts';

export interface TrustedKey extends PublicKey {
  file: string;
}

/** At most `most` files are read. One that holds no key is left out and said. */
export async function trustedKeys(folder: string, most: number, log: Log): Promise<TrustedKey[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.pub')).sort();
  if (names.length > most)
    log.warn({ folder, files: names.length }, `only the first ${most} keys for releases are read`);
  const found: TrustedKey[] = [];
  for (const file of names.slice(0, most)) {
    try {
      found.push({ ...readPublicKey(await readFile(join(folder, file), 'utf8')), file });
    } catch (error) {
      log.warn({ file: join(folder, file), problem: (error as Error).message }, 'a key for releases cannot be read');
    }
  }
  return found;
}
