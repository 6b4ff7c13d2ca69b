import fc from 'fast-check';
import { test } from 'tap';
import { writeJoinToken } from '../enrol.ts';
import { type PersonalFile, readPersonalFile } from './personal-file.ts';
import { withoutSecrets } from './secrets.ts';
import { writePersonalFile } from './write-personal-file.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const token = writeJoinToken({ id: 'tok1', secret: 's'.repeat(32), url: 'https://127.0.0.1:9', ca: 'f'.repeat(64) });
const key = `ssh-ed25519 ${'A'.repeat(68)} ada@laptop`;
const whole = `name: kitchen
join: ${token}
country: DE
wifi:
  name: Home
  password: 12345678
time_zone: Europe/Berlin
ssh:
  keys:
    - ${key}
ollama: yes
`;
const expected: PersonalFile = {
  name: 'kitchen',
  join: token,
  country: 'DE',
  wifi: [{ name: 'Home', password: '12345678' }],
  timeZone: 'Europe/Berlin',
  ssh: { keys: [key] },
  ollama: true,
};

test('a file as people write it on a laptop is read as it was meant', (t) => {
  t.same(readPersonalFile(bytes(whole)).file, expected, 'plain');
  t.same(
    readPersonalFile(bytes(`\ufeff${whole.replaceAll('\n', '\r\n')}`)).file,
    expected,
    'CRLF and a mark at the beginning',
  );
  const tabs = readPersonalFile(bytes(whole.replaceAll('  ', '\t')));
  t.same(tabs.file, expected, 'tabs');
  t.match(tabs.putRight[0], { line: 5, what: /tab/ });
  const curly = readPersonalFile(bytes(whole.replace('Home', '“Home”').replace('12345678', '”12345678"')));
  t.same(curly.file, expected, 'typographic quotes');
  t.same(
    curly.putRight.map(({ line }) => line),
    [5, 6],
  );
  const wide = new Uint8Array([
    0xff,
    0xfe,
    ...new Uint8Array(new Uint16Array([...whole].map((c) => c.charCodeAt(0))).buffer),
  ]);
  t.same(readPersonalFile(wide).file, expected, 'UTF-16');
  const ansi = Uint8Array.from(whole.replace('Home', 'Küche'), (c) => c.charCodeAt(0));
  t.equal(readPersonalFile(ansi).file?.wifi?.[0]?.name, 'Küche', 'Windows-1252');
  t.same(
    readPersonalFile(bytes(whole.replace('name: kitchen', 'name:\u00a0kitchen'))).file,
    expected,
    'a space of a web page',
  );
  t.same(readPersonalFile(bytes('')).file, {}, 'an empty file');
  t.same(readPersonalFile(bytes('name:\njoin: ""\nwifi:\n')).file, {}, 'settings without values');
  t.end();
});

test('the settings may stand under a key of cloud-init', (t) => {
  const text = `#cloud-config\nhostname: pi\nblackroad:\n  name: kitchen\n  join: ${token}\nruncmd: [ls]\n`;
  t.same(readPersonalFile(bytes(text), { under: 'blackroad' }).file, { name: 'kitchen', join: token });
  t.same(readPersonalFile(bytes('#cloud-config\n'), { under: 'blackroad' }).file, {});
  t.same(readPersonalFile(bytes('{}'), { under: 'blackroad' }).file, {});
  const wrong = readPersonalFile(bytes(text.replace('kitchen', 'Kitchen Pi')), { under: 'blackroad' });
  t.match(wrong.faults, [{ line: 4, field: 'name' }]);
  const wiped = withoutSecrets(bytes(text), { under: 'blackroad' });
  t.match(wiped, /hostname: pi\r\nblackroad:\r\n {2}name: kitchen\r\n {2}join:\r\nruncmd: \[ls\]/);
  t.end();
});

test('a fault names its line, what was expected, and no secret', (t) => {
  const faultsOf = (text: string) =>
    readPersonalFile(bytes(text)).faults?.map(({ line, text: words }) => `${line}: ${words}`) ?? [];
  t.match(faultsOf('name: Kitchen Pi'), [/^1: .*lower-case/]);
  t.match(faultsOf('\nnmae: kitchen'), [/^2: .*did you mean name/]);
  t.match(faultsOf('colour: blue'), [/^1: there is no such setting; there are name, join/]);
  t.match(faultsOf('country: DE\nwifi:\n  name: Home\n  password: short'), [/^4: expected .*8.*got 5 characters$/]);
  t.match(faultsOf('wifi:\n  name: Home\n  country: DE'), [/^1: .*`country`/, /^3: country does not belong here/]);
  t.match(faultsOf('join: brj1.tooshort'), [/^1: expected .*got 13 characters$/]);
  t.match(faultsOf(`join: ${token.slice(0, -9)}`), [/^1: expected a whole join token/]);
  t.match(faultsOf('ollama: maybe'), [/^1: expected yes or no, got "maybe"/]);
  t.match(faultsOf('name: a\nname: b'), [/twice/]);
  t.match(faultsOf('just words'), [/^1: expected settings/]);
  t.match(faultsOf('name: kitchen: pi'), [/^1: expected one/]);
  t.match(faultsOf('country: DE\nwifi:\n  - name: Home\n    password: "12345678'), [/closing quote/]);
  t.match(faultsOf('ssh:\n  keys: pw'), [/^2: expected/]);
  t.match(faultsOf(`country: DE\nwifi:\n  name: ${'ü'.repeat(20)}`), [/^3: .*32 bytes.*got 40/]);
  t.match(faultsOf(`country: DE\nwifi:\n  name: a\n  password: ${'x'.repeat(64)}`), [/^4: .*64 digits/]);
  t.match(faultsOf('time_zone: Europe/Berlim'), [/^1: .*did you mean Europe\/Berlin\?$/]);
  t.match(faultsOf('timeZone: europe/berlin'), [/^1: .*did you mean Europe\/Berlin\?$/]);
  t.match(faultsOf('x'.repeat(70_000)), [/65536 are the most/]);
  t.end();
});

test('what is written is read back, and what is wiped is gone while the rest stays', (t) => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 8, maxLength: 16 })
    .filter((made) => made.trim() === made && Buffer.from(made).length <= 32);
  const files = fc.record({
    name: fc.constantFrom('kitchen', 'a-1'),
    join: fc.constant(token),
    country: fc.constant('DE'),
    wifi: fc.array(fc.record({ name: text, password: text, hidden: fc.boolean() }), { minLength: 1, maxLength: 3 }),
    labels: fc.constantFrom<Record<string, string>>({ room: 'kitchen' }, { room: 'hall', floor: '2' }),
    readOnly: fc.boolean(),
  });
  fc.assert(
    fc.property(files, (file) => {
      const written = bytes(writePersonalFile(file));
      const read = readPersonalFile(written);
      t.same(read.file, file, JSON.stringify(read.faults));
      const wiped = withoutSecrets(written) ?? '';
      const names = file.wifi.map(({ name }) => name);
      // A password that is the name of a network as well stays as that.
      const secrets = file.wifi.flatMap(({ password }) => (names.includes(password) ? [] : JSON.stringify(password)));
      t.notOk([token, ...secrets].some((secret) => wiped.includes(secret)));
      const { file: left } = readPersonalFile(bytes(wiped));
      t.same(
        left?.wifi?.map(({ name }) => name),
        names,
      );
      t.equal(left?.join, undefined);
      t.equal(left?.wifi?.[0]?.password, undefined);
    }),
    { numRuns: 60 },
  );
  t.match(withoutSecrets(bytes('join: x # mine\r\nname: a')), /^join: +# mine\r\nname: a$/);
  t.equal(withoutSecrets(bytes('join:\nname: a')), null, 'nothing to wipe');
  t.same(readPersonalFile(bytes(writePersonalFile({}))).file, {}, 'nothing set is all commented out');
  t.end();
});
