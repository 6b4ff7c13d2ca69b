// Ollama as it goes into an image, from an archive that was put where the build keeps it: nothing is fetched here.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256Hex } from '@blackroad/std/sha256';
import t from 'tap';
import { tarOf } from '../../release/src/tar-write.ts';
import { text } from '../../release/src/tree.ts';
import { markerOf } from '../ollama/src/install-ollama.ts';
import { unpackedOllama } from './ollama.ts';

const parts = mkdtempSync(join(tmpdir(), 'image-ollama-'));
t.teardown(() => rmSync(parts, { recursive: true, force: true }));

t.test('an archive that lies there is taken, by its hash, and a Pi takes it for installed', async (t) => {
  const content = gzipSync(tarOf(new Map([['bin/ollama', text('a program', true)]]), 0));
  const release = { version: '9.9.9', file: 'ollama-linux-arm64.tgz', sha256: sha256Hex(content) };
  mkdirSync(join(parts, 'ollama'));
  writeFileSync(join(parts, 'ollama', release.sha256), content);
  const folder = await unpackedOllama({ release, parts, say: (words) => t.fail(words) });
  t.equal(readFileSync(join(folder, 'bin/ollama'), 'utf8'), 'a program');
  t.equal(readFileSync(join(folder, 'release.json'), 'utf8'), markerOf(release));
  writeFileSync(join(parts, 'ollama', release.sha256), 'something else');
  await t.rejects(unpackedOllama({ release, parts, say: () => {} }), 'a damaged one is not');
});
