// Assembles text.ts into bytes.ts. `node std/src/vectors/kernel/build.ts`; a test assembles it again and compares.
import { writeFileSync } from 'node:fs';
import wabt from 'wabt';
import { texts } from './text.ts';

const tools = await wabt();
const features = { simd: true, threads: true, relaxed_simd: true, multi_value: true, mutable_globals: true };

export function assembled(): string {
  const lines = Object.entries(texts).map(([name, text]) => {
    const parsed = tools.parseWat(`${name}.wat`, text, features);
    const bytes = Buffer.from(parsed.toBinary({}).buffer);
    return `export const ${name} =\n  '${bytes.toString('base64')}';\n`;
  });
  return `// Written by build.ts from text.ts: WebAssembly modules, in base64.\n${lines.join('')}`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(new URL('bytes.ts', import.meta.url), assembled());
