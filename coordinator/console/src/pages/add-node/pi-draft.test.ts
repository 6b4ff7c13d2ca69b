// Whatever the form lets through, a Pi takes.
import { writeJoinToken } from '@blackroad/protocol';
import { readPersonalFile } from '@blackroad/protocol/personal-file';
import { writePersonalFile } from '@blackroad/protocol/write-personal-file';
import fc from 'fast-check';
import t from 'tap';
import { type PiDraft, personalFileOf } from './pi-draft.ts';

const token = writeJoinToken({ id: 'tok1', secret: 's'.repeat(32), url: 'https://127.0.0.1:9', ca: 'f'.repeat(64) });
const key = `ssh-ed25519 ${'A'.repeat(68)} ada@laptop`;
const draft: PiDraft = {
  name: 'kitchen',
  wifi: 'Home',
  password: '12345678',
  hidden: false,
  country: 'de',
  timeZone: 'Europe/Berlin',
  sshUser: 'pi',
  sshKeys: `${key}\n\n${key}\n`,
  ollama: true,
  readOnly: false,
};
const empty: PiDraft = {
  ...draft,
  name: '',
  wifi: '',
  password: '',
  country: '',
  timeZone: '',
  sshKeys: '',
  ollama: false,
};
const readBack = (made: ReturnType<typeof personalFileOf>) =>
  'file' in made ? readPersonalFile(Buffer.from(writePersonalFile(made.file))) : null;

t.test('a draft is a personal file', async (t) => {
  t.match(personalFileOf(draft, token), {
    file: {
      name: 'kitchen',
      join: token,
      country: 'DE',
      wifi: [{ name: 'Home' }],
      ssh: { user: 'pi', keys: [key, key] },
    },
  });
  t.same(readBack(personalFileOf(draft, token)), { putRight: [], ...personalFileOf(draft, token) });
  t.same(personalFileOf(empty, token), { file: { join: token } }, 'the token alone is enough, with a cable');
});

t.test('faults stand at their fields', async (t) => {
  const faulty = (over: Partial<PiDraft>) =>
    Object.keys((personalFileOf({ ...draft, ...over }, token) as { faults?: object }).faults ?? {});
  t.same(faulty({ name: 'Kitchen Pi' }), ['name']);
  t.same(faulty({ password: 'short' }), ['password']);
  t.same(faulty({ country: '' }), ['country']);
  t.same(faulty({ wifi: '' }), ['wifi']);
  t.same(faulty({ wifi: 'ü'.repeat(17) }), ['wifi']);
  t.same(faulty({ sshKeys: 'AAAA' }), ['sshKeys']);
  t.match(personalFileOf({ ...draft, sshKeys: '-----BEGIN OPENSSH PRIVATE KEY-----' }, token), {
    faults: { sshKeys: /secret/ },
  });
  t.same(faulty({ sshUser: 'Ada' }), ['sshUser']);
});

t.test('what the form takes, a Pi takes', async () => {
  const text = fc.oneof(fc.string({ maxLength: 70 }), fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constant(''));
  const drafts = fc.record({
    name: fc.oneof(fc.constantFrom('', 'a', 'pi-1'), text),
    wifi: text,
    password: text,
    hidden: fc.boolean(),
    country: fc.constantFrom('DE', 'us', '', 'Germany'),
    timeZone: fc.constantFrom('', 'UTC', 'America/New_York'),
    sshUser: fc.constantFrom('pi', 'ada', 'Ada'),
    sshKeys: fc.constantFrom('', key, `${key}\n${key}`, 'no key'),
    ollama: fc.boolean(),
    readOnly: fc.boolean(),
  });
  fc.assert(
    fc.property(drafts, (drawn) => {
      const made = personalFileOf(drawn, token);
      const read = readBack(made);
      if (read && (read.faults || JSON.stringify(read.file) !== JSON.stringify((made as { file: object }).file)))
        throw new Error(JSON.stringify({ made, read }));
    }),
    { numRuns: 400 },
  );
});
