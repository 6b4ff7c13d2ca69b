// The machine's text files below one root: `/`, or an unpacked recording in tests. Reading never throws: a missing file is null.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

export interface Files {
  readonly root: string;
  text(path: string): string | null;
  /** The first number in a file. */
  number(path: string): number | null;
  list(path: string): string[];
  exists(path: string): boolean;
  /** The path after following links; the path itself when it does not exist. */
  real(path: string): string;
  at(path: string): string;
}

export function createFiles(root: string): Files {
  const at = (path: string) => (root === '/' ? path : join(root, path));
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch {
      return otherwise;
    }
  };
  const text = (path: string) => attempt(() => readFileSync(at(path), 'utf8'), null);
  return {
    root,
    at,
    text,
    number(path) {
      const found = /-?\d+(\.\d+)?/.exec(text(path) ?? '');
      return found ? Number(found[0]) : null;
    },
    list: (path) => attempt(() => readdirSync(at(path)).sort(), []),
    exists: (path) => existsSync(at(path)),
    real: (path) => attempt(() => realpathSync(at(path)), at(path)),
  };
}
