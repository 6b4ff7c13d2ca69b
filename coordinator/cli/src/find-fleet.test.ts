import t from 'tap';
import { findFleet } from './find-fleet.ts';

t.test('where the coordinator is: an address as people write it, checked before it is used', (t) => {
  const at = (coordinator: string) => findFleet({ coordinator, key: 'brk_x', data: '/nowhere', isNamed: false }).url;
  t.equal(at('localhost'), 'http://localhost:8400');
  t.equal(at('https://fleet.local:8401/v1/'), 'https://fleet.local:8401');
  for (const text of ['ftp://box', 'box:port', 'my box'])
    t.throws(() => at(text), { code: 'invalid-request', message: /^--coordinator: expected a URL like http/ }, text);
  t.end();
});
