// The public keys that a release may be signed by: the `.pub` files of one folder. They are read anew each time, so that a key that was put
// there, or taken away, counts at once. Nobody can add one over the API: who may trust a key is who may write on the coordinator's disk.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { maxReleaseKeys } from '@blackroad/protocol';
import type { Log } from '@blackroad/std/log';
import { type PublicKey, readPublicKey } from '@blackroad/std/minisign';

export interface TrustedKey extends PublicKey {
  file: string;
}

/** A file that holds no key is left out and said. */
export async function trustedKeys(folder: string, log: Log): Promise<TrustedKey[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.pub')).sort();
  if (names.length > maxReleaseKeys)
    log.warn({ folder, files: names.length }, `only the first ${maxReleaseKeys} keys for releases are read`);
  const found: TrustedKey[] = [];
  for (const file of names.slice(0, maxReleaseKeys)) {
    try {
      found.push({ ...readPublicKey(await readFile(join(folder, file), 'utf8')), file });
    } catch (error) {
      log.warn({ file: join(folder, file), problem: (error as Error).message }, 'a key for releases cannot be read');
    }
  }
  return found;
}
