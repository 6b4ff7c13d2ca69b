// Secrets on a real disk: what is damaged, missing, of the wrong mode or no file at all.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetError } from '@blackroad/protocol';
import { systemClock } from '@blackroad/std/clock';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { openCa } from './ca.ts';
import { readSecret, writeSecret } from './files.ts';

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'secrets-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
const open = (dir: string) =>
  openCa({ dir, clock: systemClock, random: systemRandom, fleetName: 'home', enrolled: async () => 0 });
/** The words of a refusal; anything else that is thrown is a fault. */
async function words(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    if (error instanceof FleetError && error.code === 'storage-failed') return error.message;
    throw error;
  }
  throw new Error('was not refused');
}
const mode = (path: string) => statSync(path).mode & 0o777;

t.test('what is written is read again whole, by its owner alone, and leaves nothing beside it', async (t) => {
  const dir = join(folder(t), 'ca');
  const path = join(dir, 'key.pem');
  t.equal(readSecret(path), null);
  for (const content of ['Schlüssel\n', Buffer.from([0, 255, 10]), '']) {
    writeSecret(path, content);
    t.same(readSecret(path), Buffer.from(content));
    t.equal(mode(path), 0o600);
    t.same(readdirSync(dir), ['key.pem']);
  }
  t.equal(mode(dir), 0o700);
});

t.test('what a crash or a copy left beside it lends a key neither its mode nor its bytes', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'key.pem');
  writeFileSync(`${path}.partial`, 'much longer than the key that follows');
  chmodSync(`${path}.partial`, 0o666);
  writeSecret(path, 'key');
  t.equal(readFileSync(path, 'utf8'), 'key');
  t.equal(mode(path), 0o600);
});

t.test('a key that cannot be written leaves the old one, and the words name the path and the reason', async (t) => {
  const dir = folder(t);
  const path = join(dir, 'key.pem');
  writeSecret(path, 'old');
  mkdirSync(`${path}.partial`);
  t.match(await words(() => writeSecret(path, 'new')), /key\.pem cannot be written: .*folder|directory/);
  t.equal(readFileSync(path, 'utf8'), 'old');
  writeFileSync(join(dir, 'flat'), '');
  t.match(
    await words(() => writeSecret(join(dir, 'flat', 'key.pem'), 'new')),
    /cannot be written: .*(file|directory|ENOTDIR)/,
  );
});

t.test('what is there and cannot be read is not taken for missing: nothing is made in its place', async (t) => {
  const dir = folder(t);
  mkdirSync(join(dir, 'ca-key.pem'));
  t.match(
    await words(() => readSecret(join(dir, 'ca-key.pem'))),
    /ca-key\.pem cannot be read: .*a folder of this name/,
  );
  await words(() => open(dir));
  t.same(readdirSync(dir), ['ca-key.pem']);
});

t.test('a CA with a damaged half is told, and no byte of it is touched', async (t) => {
  const dir = folder(t);
  await open(dir);
  const whole = { key: readFileSync(join(dir, 'ca-key.pem')), cert: readFileSync(join(dir, 'ca.pem')) };
  const put = (name: string, bytes: Buffer | null) =>
    bytes === null ? rmSync(join(dir, name), { force: true }) : writeFileSync(join(dir, name), bytes);
  const cases: [string, Buffer, Buffer | null][] = [
    ['an empty key', Buffer.alloc(0), whole.cert],
    ['a key that was cut', whole.key.subarray(0, 60), whole.cert],
    ['an empty certificate', whole.key, Buffer.alloc(0)],
    ['a certificate that was cut', whole.key, whole.cert.subarray(0, 200)],
    ['an empty key alone', Buffer.alloc(0), null],
    ['a key of zeros alone', Buffer.alloc(240), null],
  ];
  for (const [name, key, cert] of cases) {
    put('ca-key.pem', key);
    put('ca.pem', cert);
    t.match(await words(() => open(dir)), /the CA under .* is damaged; restore it from a copy/, name);
    t.same(readSecret(join(dir, 'ca-key.pem')), key, name);
    t.same(readSecret(join(dir, 'ca.pem')), cert, name);
  }
});

t.test('what nobody depends on is made anew when it is damaged', async (t) => {
  const dir = folder(t);
  const ca = await open(dir);
  const first = await ca.issueServer({ hosts: [] });
  const tickets = Buffer.from(ca.ticketKeys());
  t.same(ca.ticketKeys(), tickets, 'kept');
  writeFileSync(join(dir, 'server.pem'), first.cert.slice(0, 100));
  const second = await ca.issueServer({ hosts: [] });
  t.not(second.cert, first.cert);
  t.same(await ca.issueServer({ hosts: [] }), second);
  writeFileSync(join(dir, 'server-key.pem'), '');
  t.not((await ca.issueServer({ hosts: [] })).key, second.key);
  writeFileSync(join(dir, 'ticket-keys'), tickets.subarray(0, 20));
  const renewed = ca.ticketKeys();
  t.equal(renewed.length, 48);
  t.notSame(renewed, tickets);
});
