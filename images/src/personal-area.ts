// The personal file as the image brings it: all settings explained and none set, in a file of the largest size that such a file may have. The
// coordinator writes a person's settings over exactly these bytes while it sends the image, without knowing FAT.
import { writeFileSync } from 'node:fs';
import { padded } from '@blackroad/std/padded';
import { maxPersonalFileBytes } from '../../protocol/src/personal/personal-file.ts';
import { writePersonalFile } from '../../protocol/src/personal/write-personal-file.ts';

export const personalFileName = 'blackroad.yaml';

export function personalTemplate(file: string): Buffer {
  const content = padded(writePersonalFile({}), maxPersonalFileBytes);
  writeFileSync(file, content);
  return content;
}
