// Keys and signatures beside the real minisign: what one makes the other reads. Where it is not installed, its part says skipped.

import { execFileSync } from 'node:child_process';
import { sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPublicKey, readSignature, verifyFile } from '@blackroad/std/minisign';
import { systemRandom } from '@blackroad/std/random';
import t from 'tap';
import { noProgram } from '../../test/fixtures/programs.ts';
import { blake2b256 } from './blake2b-256.ts';
import { isEncrypted, makeSecretKey, readSecretKey, signatureOf } from './secret-key.ts';

const dir = mkdtempSync(join(tmpdir(), 'fleet-minisign-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'release.tar.gz');
const content = Buffer.from('what is signed\n'.repeat(5000));
writeFileSync(file, content);
const made = makeSecretKey(systemRandom, '');
const own = readSecretKey(made.secret, '');
const trusted = readPublicKey(made.public);
const signature = signatureOf(content, own, 'file:release.tar.gz');

t.test('BLAKE2b-256 as Python and RFC 7693 have it', async (t) => {
  t.equal(
    blake2b256(Buffer.alloc(0)).toString('hex'),
    '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8',
  );
  t.equal(
    blake2b256(Buffer.from('abc')).toString('hex'),
    'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319',
  );
  t.equal(
    blake2b256(Buffer.alloc(300, 'x')).toString('hex'),
    '5aa7fbbf37986bb2a5d547c0d3c4d4326a24d786e7d57bf93fc784176e38b33d',
  );
});

t.test('a signature is of one file, by one key, with one comment', async (t) => {
  t.equal((await verifyFile(file, readSignature(signature), [trusted])).id, own.name);
  const other = join(dir, 'other');
  writeFileSync(other, `${content}!`);
  await t.rejects(verifyFile(other, readSignature(signature), [trusted]), /it is of another file/);
  const commented = signature.replace('file:release', 'file:another');
  await t.rejects(verifyFile(file, readSignature(commented), [trusted]), /trusted comment was changed/);
  const stranger = readPublicKey(makeSecretKey(systemRandom, '').public);
  await t.rejects(verifyFile(file, readSignature(signature), [stranger]), /expected one by a trusted key/);
  // The id of a key is a name and no proof.
  const posing = { ...stranger, id: trusted.id };
  await t.rejects(verifyFile(file, readSignature(signature), [posing]), /trusted comment was changed/);
  await t.rejects(verifyFile(file, readSignature(signature), []), /\(none\)/);
});

t.test('the older form signs the file itself', async (t) => {
  const raw = sign(null, content, own.key);
  const line = Buffer.concat([Buffer.from('Ed'), own.id, raw]).toString('base64');
  const global = sign(null, Buffer.concat([raw, Buffer.from('old')]), own.key).toString('base64');
  const older = readSignature(`untrusted comment: x\n${line}\ntrusted comment: old\n${global}\n`);
  t.equal(older.isPrehashed, false);
  t.equal((await verifyFile(file, older, [trusted])).id, own.name);
});

t.test('what is no signature or key is said', async (t) => {
  const lines = signature.split('\n');
  for (const text of ['', 'x', lines.slice(0, 3).join('\n'), signature.replace('trusted comment: f', 'comment: f')])
    t.throws(() => readSignature(text), /expected the four lines/);
  t.throws(() => readSignature(signature.replace(lines[1] as string, 'AAAA')), /expected 74 bytes in base64/);
  t.throws(() => readSignature(`${signature}${'x'.repeat(5000)}`), /expected the four lines/);
  t.throws(() => readPublicKey('untrusted comment: x\nRWQ'), /public key: expected 42 bytes/);
  t.throws(() => readSecretKey(made.public, ''), /secret key: expected/);
  const bytes = Buffer.from(made.secret.split('\n')[1] as string, 'base64');
  bytes[70]! ^= 1;
  t.throws(() => readSecretKey(bytes.toString('base64'), ''), /or the file is damaged/);
});

t.test('the real minisign', { skip: noProgram('minisign') }, async (t) => {
  const [secret, pub, sig] = ['a.key', 'a.pub', 'a.minisig'].map((name) => join(dir, name)) as [string, string, string];
  const minisign = (args: string[], input = '') =>
    execFileSync('minisign', args, { input, encoding: 'utf8', stdio: 'pipe' });

  writeFileSync(sig, signature);
  t.match(minisign(['-V', '-P', trusted.text, '-m', file, '-x', sig]), /file:release\.tar\.gz/, 'it takes ours');

  minisign(['-G', '-W', '-f', '-p', pub, '-s', secret]);
  const text = readFileSync(secret, 'utf8');
  t.notOk(isEncrypted(text));
  const theirs = readSecretKey(text, '');
  const theirKey = readPublicKey(readFileSync(pub, 'utf8'));
  t.equal(theirs.name, theirKey.id, 'we read its key');
  writeFileSync(sig, signatureOf(content, theirs, 'by us with its key'));
  t.match(minisign(['-V', '-p', pub, '-m', file, '-x', sig]), /by us with its key/);

  for (const [flags, isPrehashed] of [
    [['-H'], true],
    [['-l'], false],
  ] as const) {
    minisign(['-S', ...flags, '-s', secret, '-m', file, '-x', sig, '-t', 'theirs']);
    const read = readSignature(readFileSync(sig, 'utf8'));
    t.equal(read.isPrehashed, isPrehashed);
    t.equal((await verifyFile(file, read, [theirKey])).id, theirs.name, `we take its ${flags[0]}`);
  }

  // Each of these takes 1 GiB of memory and some seconds: that is what keeps a stolen file from being guessed.
  minisign(['-G', '-f', '-p', pub, '-s', secret], 'horse\nhorse\n');
  const encrypted = readFileSync(secret, 'utf8');
  t.ok(isEncrypted(encrypted));
  t.equal(readSecretKey(encrypted, 'horse').name, readPublicKey(readFileSync(pub, 'utf8')).id, 'we open its key');
  const ours = makeSecretKey(systemRandom, 'cat');
  t.throws(() => readSecretKey(ours.secret, 'dog'), /password is another one/);
  writeFileSync(secret, ours.secret);
  minisign(['-S', '-s', secret, '-m', file, '-x', sig], 'cat\n');
  t.equal(
    (await verifyFile(file, readSignature(readFileSync(sig, 'utf8')), [readPublicKey(ours.public)])).text,
    readPublicKey(ours.public).text,
    'it opens ours',
  );
});
