// The process that reads a document: it answers, it is killed where it takes too long or too much, and one after the other waits.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock as clock } from '@blackroad/std/clock';
import { silentLog as log } from '@blackroad/std/log';
import t from 'tap';
import { pdfOf } from '../../../test/fixtures/documents/pdf.ts';
import { DocumentReader } from './reader.ts';

const dir = mkdtempSync(join(tmpdir(), 'reader-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
}

t.test('it reads, and says why it does not', async (t) => {
  const reader = new DocumentReader({ clock, log });
  const good = fileOf('a.md', '# House\n\nThe key is here.');
  const scan = fileOf('scan.pdf', pdfOf([null]));
  const both = [reader.read(good, 'a.md'), reader.read(scan, 'scan.pdf')] as const;
  await t.rejects(both[1], { code: 'document-refused', message: /scan\.pdf: there is no text in it/ });
  t.match(await both[0], { type: 'markdown', parts: [{ text: 'House\nThe key is here.' }] });
});

t.test('one that takes too long or too much memory is killed, and the next one is read', async (t) => {
  const good = fileOf('b.md', 'Fine.');
  const limits = { deadlineMs: 1, maxResidentBytes: 1024 ** 3 };
  const slow = new DocumentReader({ clock, log, limits });
  await t.rejects(slow.read(good, 'b.md'), { code: 'document-refused', message: /did not come out within 0\.001 s/ });
  const big = fileOf('big.txt', 'The valve opens slowly. '.repeat(300_000));
  const small = new DocumentReader({ clock, log, limits: { deadlineMs: 60_000, maxResidentBytes: 60 * 1024 ** 2 } });
  const refused = small.read(big, 'big.txt');
  await t.rejects(refused, { code: 'document-refused', message: /takes more than 60 MiB of memory/ });
  limits.deadlineMs = 60_000;
  t.match(await slow.read(good, 'b.md'), { parts: [{ text: 'Fine.' }] });
});

t.test('so many wait at most', async (t) => {
  const reader = new DocumentReader({ clock, log });
  const path = fileOf('c.md', 'Fine.');
  const all = Array.from({ length: 8 }, () => reader.read(path, 'c.md').catch((error) => error));
  t.throws(() => reader.read(path, 'c.md'), { code: 'unavailable' });
  reader.stop();
  await Promise.all(all);
});
