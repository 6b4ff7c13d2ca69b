// The download is one file for every reader of xz, the same for the same image, and its personal file can be exchanged.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain, ImageManifest } from '@blackroad/protocol';
import { padded } from '@blackroad/std/padded';
import { readStoredXz, storedXz } from '@blackroad/std/xz-stored';
import t from 'tap';
import { noProgram } from '../../test/fixtures/programs.ts';
import { sampleImage } from '../../test/fixtures/sample-image.ts';

const skip = noProgram('xz', 'bsdcat');
/** bsdcat is of libarchive, which Raspberry Pi Imager unpacks with. */
const readers = [
  ['xz', ['-dc']],
  ['bsdcat', []],
] as const;

t.test('a download in three streams', { skip }, async (t) => {
  const [one, two] = ['one', 'two'].map((name) => join(t.testdir({ one: {}, two: {} }), name)) as [string, string];
  for (const folder of [one, two]) mkdirSync(folder, { recursive: true });
  const { raw, download, about } = sampleImage(one, null);
  t.equal(explain(ImageManifest, about), '');
  const packed = readFileSync(download);
  t.ok(readFileSync(sampleImage(two, null).download).equals(packed), 'the same twice');
  t.equal(execFileSync('xz', ['-t', '-v', download], { stdio: 'pipe' }).length, 0);
  t.match(execFileSync('xz', ['--robot', '--list', download]).toString(), /^file\t3\t3\t/m, 'streams, blocks');
  for (const [program, words] of readers)
    t.ok(execFileSync(program, [...words, download], { maxBuffer: 1e8 }).equals(raw), `${program} reads all of it`);

  const { personalFile, personalStream } = about;
  const { offset, bytes } = personalStream;
  t.ok(
    readStoredXz(packed.subarray(offset, offset + bytes), personalFile.bytes)?.equals(
      raw.subarray(personalFile.offset, personalFile.offset + personalFile.bytes),
    ),
  );
  const mine = padded('name: kitchen\n', personalFile.bytes);
  const stream = storedXz(mine);
  t.equal(stream.length, bytes, 'another personal file has the same length');
  const exchanged = Buffer.concat([packed.subarray(0, offset), stream, packed.subarray(offset + bytes)]);
  const expected = Buffer.from(raw);
  mine.copy(expected, personalFile.offset);
  const file = join(one, 'mine.img.xz');
  writeFileSync(file, exchanged);
  for (const [program, words] of readers)
    t.ok(execFileSync(program, [...words, file], { maxBuffer: 1e8 }).equals(expected), `${program} reads it exchanged`);
});
