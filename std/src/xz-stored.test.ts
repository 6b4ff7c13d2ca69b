// Programs that people have read such a stream, alone and between others.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { noProgram } from '../../test/fixtures/programs.ts';
import { readStoredXz, storedXz, storedXzBytes } from './xz-stored.ts';

const sizes = [1, 2, 3, 4, 5, 127, 128, 16_383, 16_384, 65_535, 65_536, 65_537, 131_072, 200_001];
/** bsdcat is of libarchive, which Raspberry Pi Imager unpacks with. */
const readers: [program: string, words: string[]][] = [
  ['xz', ['-dc']],
  ['bsdcat', []],
];

t.test('its length follows from the length of the content, and it is read back', async (t) => {
  for (const bytes of sizes) {
    const content = randomBytes(bytes);
    const stream = storedXz(content);
    t.equal(stream.length, storedXzBytes(bytes), `${bytes}`);
    t.equal(stream.length % 4, 0, 'streams may follow one another');
    t.ok(readStoredXz(stream, bytes)?.equals(content));
    t.equal(readStoredXz(stream, bytes + 1), null);
    for (const at of [0, 13, 30, stream.length - 1]) {
      if (at >= stream.length) continue;
      const damaged = Buffer.from(stream);
      damaged[at] = (damaged[at] as number) ^ 1;
      const read = readStoredXz(damaged, bytes);
      t.equal(read, null, `${bytes}: byte ${at} was changed`);
    }
  }
  t.throws(() => storedXz(Buffer.alloc(0)), RangeError);
  t.equal(readStoredXz(Buffer.alloc(0), 0), null);
});

for (const [program, words] of readers)
  t.test(`${program} reads it`, { skip: noProgram(program, 'xz') }, async (t) => {
    const folder = t.testdir();
    const read = (name: string, content: Uint8Array) => {
      const file = join(folder, name);
      writeFileSync(file, content);
      return execFileSync(program, [...words, file], { maxBuffer: 1e7 });
    };
    for (const bytes of sizes) {
      const content = randomBytes(bytes);
      t.ok(read('one.xz', storedXz(content)).equals(content), `${bytes}`);
    }
    const [before, middle, after] = [randomBytes(3000), randomBytes(65_536), randomBytes(70_001)];
    const pressed = (content: Buffer) => execFileSync('xz', ['-c'], { input: content });
    const whole = Buffer.concat([pressed(before), storedXz(middle), pressed(after)]);
    t.ok(read('three.xz', whole).equals(Buffer.concat([before, middle, after])), 'between others');
  });

t.test('xz finds no fault', { skip: noProgram('xz') }, async (t) => {
  const file = join(t.testdir(), 'a.xz');
  for (const bytes of sizes) {
    writeFileSync(file, storedXz(randomBytes(bytes)));
    t.equal(spawnSync('xz', ['-t', file]).status, 0, `${bytes}`);
  }
});
