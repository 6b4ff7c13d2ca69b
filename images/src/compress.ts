// The image as people fetch it: three streams of xz in one file, which readers of xz take as one. The one in the middle is the personal file,
// not compressed, so that the coordinator can put another in its place. In: the image, where the personal file lies. Out: the file, and where
// that stream lies in it. The same image gives the same file.
import { appendFileSync, statSync } from 'node:fs';
import { storedXz } from '@blackroad/std/xz-stored';
import { run } from './commands.ts';
import { bytesAt } from './read-image.ts';

/** A number of threads of its own would change the file from machine to machine. */
const xz = 'xz --threads=2 -3';

interface Place {
  offset: number;
  bytes: number;
}

/** @throws BuildError */
export function compress(image: string, personalFile: Place, download: string): Place {
  const { offset, bytes } = personalFile;
  const pipe = (from: string, to: string) =>
    run('bash', ['-o', 'pipefail', '-c', `${from} | ${xz} ${to}`, 'bash', image, download]);
  pipe(`head --bytes=${offset} "$1"`, '> "$2"');
  const place = { offset: statSync(download).size, bytes: 0 };
  appendFileSync(download, storedXz(bytesAt(image, offset, bytes)));
  place.bytes = statSync(download).size - place.offset;
  // From the byte of this number, counted from one.
  pipe(`tail --bytes=+${offset + bytes + 1} "$1"`, '>> "$2"');
  return place;
}
