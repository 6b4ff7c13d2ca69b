// A file in which the owner of a node says what agents there may use. Whoever may write it decides that, so one that everybody may write is refused.
import { readFileSync, statSync } from 'node:fs';
import type { OptionError } from '@blackroad/std/options';

/**
 * The file's text. `why`: why not everybody may write it. `refuse`: the fault, with the option and the path.
 * @throws OptionError
 */
export function readOwnersFile(path: string, why: string, refuse: (text: string) => OptionError): string {
  try {
    if ((statSync(path).mode & 0o002) === 0) return readFileSync(path, 'utf8');
  } catch (error) {
    throw refuse(`expected a file that can be read: ${(error as Error).message}`);
  }
  throw refuse(`expected a file that not everybody may write, as it ${why} (chmod o-w)`);
}
