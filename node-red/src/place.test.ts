// What a person may type as address, key and CA certificate, and what is said of the rest.
import t from 'tap';
import { placeOf } from './place.ts';

const key = `brk_abc12_${'0'.repeat(64)}`;
const pem = '-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n';
const nothing = () => {
  throw new Error('ENOENT: no such file');
};
const place = (address: string, ca = '') => placeOf({ address, key, ca }, nothing);

t.test('addresses', async (t) => {
  t.match(place('http://127.0.0.1:8400/'), {
    way: 'http',
    url: 'http://127.0.0.1:8400',
    key,
    keyId: 'abc12',
    ca: null,
  });
  t.match(place('fleet.lan'), { way: 'http', url: 'http://fleet.lan:8400' });
  t.match(place('https://fleet.lan:8401/v1'), { way: 'http', url: 'https://fleet.lan:8401' });
  t.match(place('mqtts://fleet.lan'), { way: 'mqtt', url: 'mqtts://fleet.lan:8405' });
  t.match(place(' mqtt://127.0.0.1:1883 '), { way: 'mqtt', url: 'mqtt://127.0.0.1:1883' });
  for (const wrong of ['', 'ws://x', 'http://', 'http://user:pass@fleet.lan', 'not an address'])
    t.throws(() => place(wrong), { kind: 'bad-settings', message: /^Address: expected one like http/ }, wrong);
});

t.test('keys are whole, and not shown', async (t) => {
  for (const wrong of ['', 'brk_x', 'secret-of-mine'])
    t.throws(() => placeOf({ address: 'fleet.lan', key: wrong, ca: '' }, nothing), { message: /^Key: expected/ });
  t.throws(() => placeOf({ address: 'fleet.lan', key: 'secret-of-mine', ca: '' }, nothing), {
    message: /^((?!secret-of-mine).)*$/,
  });
});

t.test('a certificate is its text, or a file', async (t) => {
  t.equal(place('https://fleet.lan:8401', `\n${pem}`).ca, pem.trim());
  t.equal(placeOf({ address: 'x', key, ca: '/ca.pem' }, (path) => (path === '/ca.pem' ? pem : nothing())).ca, pem);
  t.throws(() => place('x', '/nowhere'), { message: /^CA certificate: \/nowhere cannot be read here: ENOENT/ });
  t.throws(() => place('x', '-----BEGIN PRIVATE KEY-----'), {
    message: /^CA certificate: expected the text of ca\.pem/,
  });
});
