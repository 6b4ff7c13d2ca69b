// `node protocol/src/generate/write.ts`: writes every document made from the protocol's tables, and prints which changed.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { documents } from './documents.ts';

const root = resolve(import.meta.dirname, '../../..');
for (const [path, text] of Object.entries(documents(root))) {
  const file = join(root, path);
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    // the file does not exist yet
  }
  if (before === text) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`${path} written\n`);
}
