// Whether a folder holds what a list says, and nothing else. In: the folder, and for each path in it the SHA-256 of the file, or `-> ` and
// where the link leads. Out: words for the first one that lacks, differs, or is there without being named; null: it is whole.
import { readdirSync, readlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { sha256OfFile } from './sha256.ts';

/** `unlisted`: paths that may be there. @throws what reading the folder throws */
export async function folderFault(
  folder: string,
  files: Readonly<Record<string, string>>,
  listName: string,
  unlisted: readonly string[],
): Promise<string | null> {
  const left = new Set(Object.keys(files));
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = relative(folder, join(entry.parentPath, entry.name));
    if (unlisted.includes(path)) continue;
    if (!left.delete(path)) return `${path} is in it, and ${listName} does not name it`;
    const found = entry.isSymbolicLink() ? `-> ${readlinkSync(join(folder, path))}` : '';
    if (files[path] !== (entry.isFile() ? await sha256OfFile(join(folder, path)) : found))
      return `${path} is not as ${listName} says`;
  }
  const [missing] = left;
  return missing === undefined ? null : `${missing} is missing`;
}
