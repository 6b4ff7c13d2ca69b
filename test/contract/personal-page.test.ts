import { readFileSync } from 'node:fs';
import { writeJoinToken } from '@blackroad/protocol';
import { readPersonalFile } from '@blackroad/protocol/personal-file';
import t from 'tap';
import { personalPagePath, renderPersonalPage } from './personal-page.ts';

const page = readFileSync(personalPagePath, 'utf8');

t.test('docs/personal-file.md names every setting as the schema does', async (t) => {
  t.equal(page, renderPersonalPage(page), 'run `make docs`');
  t.match(page, '| `wifi.password` |');
});

t.test('its examples are read without a fault', async (t) => {
  const [plain = '', cloud = ''] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) =>
    text
      .replace('brj1....', writeJoinToken({ id: 'a', secret: 'b', url: 'https://127.0.0.1:9', ca: 'f'.repeat(64) }))
      .replace('AAAA...', 'A'.repeat(68)),
  );
  t.match(readPersonalFile(Buffer.from(plain)).file, { name: 'kitchen', wifi: [{ name: 'Home' }] });
  t.match(readPersonalFile(Buffer.from(cloud), { under: 'blackroad' }).file, { join: /^brj1/ });
});
