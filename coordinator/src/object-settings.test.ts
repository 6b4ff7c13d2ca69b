// A store of objects is tried when it is set: what is wrong with it ends the start in words, and what is only away does not. Real S3 server.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@blackroad/std/clock';
import { silentLog } from '@blackroad/std/log';
import { OptionError } from '@blackroad/std/options';
import { systemRandom } from '@blackroad/std/random';
import t, { type Test } from 'tap';
import { noS3Server, s3Keys, startS3 } from '../../test/fixtures/s3-server.ts';
import { readConfig } from './config.ts';
import { openObjectStore } from './object-settings.ts';

// The timers of the product keep no process alive.
const alive = setInterval(() => {}, 1_000);
t.teardown(() => clearInterval(alive));

const sha256 = 'ab'.repeat(32);
const keys = { AWS_ACCESS_KEY_ID: s3Keys.id, AWS_SECRET_ACCESS_KEY: s3Keys.secret };
function words(argv: string[], env: Record<string, string> = keys): string {
  try {
    readConfig(argv, env);
    return 'none';
  } catch (error) {
    return error instanceof OptionError ? error.message : String(error);
  }
}

t.test('options that do not fit each other are refused by name', async (t) => {
  const url = ['--objects', 's3://docs?region=eu-central-1'];
  t.equal(words(url), 'none');
  t.equal(
    words(url, {}),
    '--objects: expected --objects-key-id or AWS_ACCESS_KEY_ID with it, the id of a key of the store.',
  );
  t.equal(
    words(url, { AWS_ACCESS_KEY_ID: 'a' }),
    '--objects: expected --objects-secret-file or AWS_SECRET_ACCESS_KEY with it, the secret of that key.',
  );
  t.match(
    words(['--objects', 'gs://docs']),
    /^--objects: expected an address like s3:\/\/.*, got another scheme or none\.$/,
  );
  t.match(words(['--objects', 's3://docs']), /^--objects: expected region= behind the \?, or AWS_REGION/);
  t.equal(words(['--objects', 's3://docs'], { ...keys, AWS_REGION: 'eu-west-1' }), 'none');
  t.match(words(['--objects-home', 'disk']), /^--objects-home: expected --objects with it/);
  t.match(
    words([...url, '--objects-ca', import.meta.filename]),
    /^--objects-ca: expected a file with a certificate in PEM\.$/,
  );
  t.equal(words([], keys), 'none', "another program's variables alone are no fault");
});

t.test('the secret comes from a file or the environment, never from the command line', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'objects-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'secret');
  writeFileSync(file, 'from a file\n');
  const config = readConfig(['--objects', 's3://docs?region=a', '--objects-secret-file', file], keys);
  t.match(config, { objectsSecret: 'from a file', objectsKeyId: s3Keys.id });
  t.match(readConfig(['--objects', 's3://docs?region=a'], keys), { objectsSecret: s3Keys.secret });
  const env = { ...keys, BLACKROAD_OBJECTS_SECRET: 'ours goes first' };
  t.match(readConfig(['--objects', 's3://docs?region=a'], env), { objectsSecret: 'ours goes first' });
});

async function rigOf(t: Test) {
  const dataDir = mkdtempSync(join(tmpdir(), 'objects-'));
  const server = await startS3(dataDir);
  t.teardown(async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const open = async (url: string, env: Record<string, string> = keys, fleet = 'a-fleet') => {
    const place = { dataDir, fleet, clock: systemClock, random: systemRandom, log: silentLog };
    try {
      const far = await openObjectStore(readConfig(['--objects', url], env), place);
      await far?.store.close();
      return far?.store.where ?? 'none';
    } catch (error) {
      return error instanceof OptionError ? error.message : String(error);
    }
  };
  const known = () => JSON.parse(readFileSync(join(dataDir, 'objects/store.json'), 'utf8'));
  return { dataDir, server, open, known };
}

t.test('a store that is set for the first time has to take and give an object', { skip: noS3Server }, async (t) => {
  const { dataDir, server, open, known } = await rigOf(t);
  const where = `s3://objects/fleet at 127.0.0.1:${server.port}`;
  t.equal(
    await open(server.url().replace('//objects', '//others')),
    `--objects: s3://others/fleet at 127.0.0.1:${server.port} has no bucket others (404 NoSuchBucket).`,
  );
  t.match(
    await open(server.url(), { ...keys, AWS_SECRET_ACCESS_KEY: 'wrong' }),
    /^--objects: .* says that the secret does not belong/,
  );
  t.notOk(existsSync(join(dataDir, 'objects/store.json')));

  t.equal(await open(server.url()), where);
  t.same(known(), { where, fleet: 'a-fleet', isProven: true });
  t.same(readdirSync(join(dataDir, 'objects')), ['store.json']);
  t.same(
    readdirSync(server.files, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()),
    [],
    'nothing of the trial is left',
  );
  t.notMatch(readFileSync(join(dataDir, 'objects/store.json'), 'utf8'), s3Keys.secret);

  await server.stop();
  t.equal(await open(server.url()), where, 'one that has worked may be away at a start');
  t.equal(await open(server.url(), { ...keys, AWS_SECRET_ACCESS_KEY: 'wrong' }), where);
});

t.test('one that is away the first time is tried at the next start', { skip: noS3Server }, async (t) => {
  const { server, open, known } = await rigOf(t);
  await server.stop();
  t.match(await open(server.url()), /^s3:/);
  t.match(known(), { isProven: false });
  await server.start();
  t.match(await open(server.url(), { ...keys, AWS_SECRET_ACCESS_KEY: 'wrong' }), /^--objects: .* says that the secret/);
  t.match(await open(server.url()), /^s3:/);
  t.match(known(), { isProven: true });
});

t.test('another store does not take the place of one that has objects', { skip: noS3Server }, async (t) => {
  const { dataDir, server, open, known } = await rigOf(t);
  const where = await open(server.url());
  mkdirSync(join(dataDir, 'objects/ab'));
  writeFileSync(join(dataDir, `objects/ab/${sha256}.12.there`), '');
  const moved = server.url().replace('/fleet?', '/elsewhere?');
  t.equal(
    await open(moved),
    `--objects: expected ${where}, which has 1 object of this fleet, got s3://objects/elsewhere at 127.0.0.1:${server.port}, which has not. To change the store, start with the one before and --objects-home disk until all is on the disk.`,
  );
  t.match(known(), { where });
  const copy = join(server.files, 'elsewhere/a-fleet/ab');
  mkdirSync(copy, { recursive: true });
  writeFileSync(join(copy, sha256), 'twelve bytes');
  t.match(await open(moved, keys, 'renamed'), /^s3:\/\/objects\/elsewhere at /, 'the same objects under another name');
  t.match(known(), { fleet: 'a-fleet' }, 'the folder stays when the CA has a new certificate');
  await server.stop();
  t.match(await open(server.url()), /^--objects: 1 object of this fleet is in .*, and it cannot be seen whether/);
});
