import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { padded } from '@blackroad/std/padded';
import t from 'tap';
import { maxPersonalFileBytes, readPersonalFile } from '../../protocol/src/personal/personal-file.ts';
import { personalTemplate } from './personal-area.ts';

t.test(
  'the template has the size of the largest personal file, sets nothing, and leaves room for all of it',
  async (t) => {
    const file = join(t.testdir(), 'blackroad.yaml');
    const template = personalTemplate(file);
    t.same(readFileSync(file), template);
    t.equal(template.length, maxPersonalFileBytes);
    t.same(readPersonalFile(template).file, {});
    t.match(template.toString(), /^# join: brj1/m);
  },
);
t.test('a text is padded to any size that it fits in', async (t) => {
  for (const bytes of [3, 4, 130, 131, 132, 259, 1000]) t.equal(padded('ab', bytes).length, bytes, `${bytes}`);
  t.match(padded('ab', 400).toString(), /^ab\n {0,127}\n( {127}\n)+$/);
  t.throws(() => padded('abc', 3), RangeError);
});
