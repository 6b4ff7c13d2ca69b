// The key that a release or an image is signed with, from the files that a person names. In: the file of the key, that of its password. Out: a
// key, or none where none is named.
import { readFileSync } from 'node:fs';
import { isEncrypted, readSecretKey, type SecretKey } from './secret-key.ts';
import { BuildError } from './source.ts';

/** The first line of a file; without one there is no password. */
export function passwordIn(file: string | undefined): string {
  return file ? (readFileSync(file, 'utf8').split(/\r?\n/)[0] as string) : '';
}

/** @throws BuildError */
export function keyFrom(file: string | undefined, passwordFile: string | undefined): SecretKey | null {
  if (!file) return null;
  const text = readFileSync(file, 'utf8');
  if (isEncrypted(text) && !passwordFile)
    throw new BuildError(
      `${file} has a password: name the file that holds it with --password-file (make dist: PASSWORD=<file>)`,
    );
  return readSecretKey(text, passwordIn(passwordFile));
}
