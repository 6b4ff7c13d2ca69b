// What a person types at the sign-in: taken, or refused with a sentence that names the field.
import t from 'tap';
import { addressFault, addressOf, caFault, keptPlace, keyFault, placeOf } from './place.ts';

t.test('addresses', async (t) => {
  for (const [text, url] of Object.entries({
    'http://127.0.0.1:8400': 'http://127.0.0.1:8400',
    'localhost:8400': 'http://localhost:8400',
    '127.0.0.1': 'http://127.0.0.1:8400',
    'http://[::1]:8400/': 'http://[::1]:8400',
    'https://pi.lan:8401': 'https://pi.lan:8401',
  })) {
    t.equal(addressFault(text), null, text);
    t.equal(addressOf(text), url);
  }
  for (const text of ['', 'ftp://pi.lan', 'https://user:secret@pi.lan', 'http://', 'not an address'])
    t.match(addressFault(text), /^Address: expected one like http:\/\/127\.0\.0\.1:8400/, text);
  for (const text of ['http://pi.lan:8400', 'pi.lan', '192.168.1.4:8400'])
    t.match(addressFault(text), /^Address: expected https:\/\/ for another machine/, text);
});

t.test('keys and certificates', async (t) => {
  t.equal(keyFault(' brk_0123456789_AbC-d_e\n'), null);
  for (const text of ['', 'sk-1234', 'brk_', `brk_${'x'.repeat(300)}`, 'brk_a b'])
    t.match(keyFault(text), /^Key: expected/);
  t.equal(caFault('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'), null);
  for (const text of ['', 'hello', '-----BEGIN PRIVATE KEY-----'])
    t.match(caFault(text), /^CA: expected the file ca\.pem/);
});

t.test('what is kept comes back, and what no editor of ours kept does not', async (t) => {
  const place = { url: 'https://pi.lan:8401', key: 'brk_0123456789_x', ca: 'PEM' };
  t.same(placeOf(keptPlace(place)), place);
  t.same(placeOf(keptPlace({ ...place, ca: null })), { ...place, ca: null });
  for (const kept of [undefined, '', '{', 'null', '7', '{"url":"http://pi.lan:8400","key":"brk_x"}', '{"url":7}'])
    t.equal(placeOf(kept), null, String(kept));
});
