// The files of the models folder: every file with a readable GGUF header, whatever put it there.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readGguf } from '@blackroad/model-server/weights/gguf';

export interface ModelFile {
  path: string;
  fileName: string;
  kind: 'chat' | 'embed';
}

/** Every readable GGUF of the folder, largest first; unreadable ones are left out. */
export async function modelsIn(modelsDir: string): Promise<ModelFile[]> {
  const names = await readdir(modelsDir).catch(() => []);
  const files: (ModelFile & { sizeBytes: number })[] = [];
  for (const fileName of names.filter((name) => name.endsWith('.gguf'))) {
    const path = join(modelsDir, fileName);
    try {
      const { kind, sizeBytes } = readGguf(path);
      files.push({ path, fileName, kind, sizeBytes });
    } catch {
      // A caller that names the file gets the error.
    }
  }
  return files.toSorted((a, b) => b.sizeBytes - a.sizeBytes);
}
