// Files of this project that lie in the image as they are. In: a folder. Out: its files by their paths; or the same files in the root of the
// image, of root, with one of two modes whatever the umask was.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileNode } from '../../release/src/tree.ts';

const ownerRuns = 0o100;

export function filesBelow(folder: string): Map<string, FileNode> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = new Map<string, FileNode>();
  for (const path of paths) {
    const about = statSync(join(folder, path));
    if (!about.isFile()) continue;
    files.set(path, { content: readFileSync(join(folder, path)), isProgram: (about.mode & ownerRuns) !== 0 });
  }
  return files;
}

export function place(files: ReadonlyMap<string, FileNode>, root: string): void {
  for (const [path, { content, isProgram }] of files) {
    const at = join(root, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, content);
    chmodSync(at, isProgram ? 0o755 : 0o644);
  }
}
