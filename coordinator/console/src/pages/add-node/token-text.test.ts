// What is read out of a join token, and what is made of a person's labels.
import { writeJoinToken } from '@blackroad/protocol';
import t from 'tap';
import { dialledBy, labelsOf } from './token-text.ts';

t.test('the address a token dials', async (t) => {
  const token = (url: string) => writeJoinToken({ id: 'a', secret: 'b', url, ca: 'f'.repeat(64) });
  t.same(dialledBy(token('https://192.168.1.4:8401')), { url: 'https://192.168.1.4:8401', onlyHere: false });
  t.match(dialledBy(token('https://127.0.0.1:8401')), { onlyHere: true });
  t.match(dialledBy(token('https://[::1]:8401')), { onlyHere: true });
  t.equal(dialledBy('nonsense'), null);
});
t.test('labels as people write them', async (t) => {
  t.same(labelsOf('room=kitchen\n camera , floor = 2'), { room: 'kitchen', camera: '', floor: '2' });
  t.same(labelsOf(' \n'), {});
});
