import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createThrowawayCa } from '../../../test/fixtures/node-agent/throwaway-ca.ts';
import { type Identity, loadIdentity, saveIdentity } from './identity.ts';

const dir = mkdtempSync(join(tmpdir(), 'fleet-identity-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const ca = await createThrowawayCa();

async function someone(node: string, issuedMs: number): Promise<Identity> {
  return {
    node,
    ...(await ca.client(node)),
    ca: ca.pem,
    caFingerprint: ca.fingerprint,
    issuedMs,
    expiresMs: issuedMs + 1000,
    url: 'https://127.0.0.1:1',
    mqtt: { host: '127.0.0.1', port: 1 },
    class: 'pi',
    site: 'home',
  };
}

t.test('a machine that never joined has no identity', async (t) => {
  t.equal(loadIdentity(join(dir, 'nothing')), null);
});

t.test('what was saved is loaded, private to its owner', async (t) => {
  const home = join(dir, 'one');
  const alice = await someone('alice', 1);
  saveIdentity(home, alice);
  t.same(loadIdentity(home), alice);
  t.equal(statSync(join(home, 'identity.json')).mode & 0o777, 0o600);
  t.same(readdirSync(home), ['identity.json'], 'no temporary file stays');
});

t.test('a damaged or missing newest generation falls back to the one before', async (t) => {
  const home = join(dir, 'two');
  const [first, second] = [await someone('alice', 1), await someone('alice', 2)];
  saveIdentity(home, first);
  saveIdentity(home, second);
  t.same(loadIdentity(home), second);
  const path = join(home, 'identity.json');
  const whole = readFileSync(path, 'utf8');
  // After a write cut off at any length the older generation must load: no error, no half of each.
  for (const share of [0, 0.1, 0.5, 0.9]) {
    truncateSync(path, Math.floor(whole.length * share));
    t.same(loadIdentity(home), first, `cut at ${share}`);
    writeFileSync(path, whole);
  }
  writeFileSync(path, JSON.stringify({ ...second, certificate: first.certificate }));
  t.same(loadIdentity(home), first, 'a certificate of another key is not used');
  rmSync(path);
  t.same(loadIdentity(home), first, 'power cut between the two renames');
  saveIdentity(home, second);
  t.same(loadIdentity(home), second);
});

t.test('a damaged newest generation does not push out a good older one', async (t) => {
  const home = join(dir, 'three');
  const [first, second, third] = [await someone('alice', 1), await someone('alice', 2), await someone('alice', 3)];
  saveIdentity(home, first);
  saveIdentity(home, second);
  writeFileSync(join(home, 'identity.json'), '{');
  saveIdentity(home, third);
  rmSync(join(home, 'identity.json'));
  t.same(loadIdentity(home), first);
});

t.test('two damaged generations are said in words', async (t) => {
  const home = join(dir, 'four');
  saveIdentity(home, await someone('alice', 1));
  saveIdentity(home, await someone('alice', 2));
  for (const name of readdirSync(home)) writeFileSync(join(home, name), 'x');
  t.throws(() => loadIdentity(home), { code: 'storage-failed', message: /damaged.*Join again/ });
});

t.test('an identity that would not load is not stored', async (t) => {
  const alice = await someone('alice', 1);
  const home = join(dir, 'five');
  t.throws(() => saveIdentity(home, { ...alice, key: 'x' }), { code: 'internal' });
  t.equal(loadIdentity(home), null);
});
