// The command behind `make dist`: `dist` builds a release, `key` makes a key to sign with, `verify` checks a folder of files as a person who
// got them would. Exit code 1: it failed, and says why in a sentence.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { readPublicKey, readSignature, SignatureError, verifyFile } from '@blackroad/std/minisign';
import { systemRandom } from '@blackroad/std/random';
import { dist, forms } from './dist.ts';
import { keyFrom, passwordIn } from './key-file.ts';
import { type Arch, Packages } from './packages.ts';
import { products } from './products.ts';
import { makeSecretKey } from './secret-key.ts';
import { BuildError, sourceOf } from './source.ts';

const root = resolve(import.meta.dirname, '../..');
const arches = ['x64', 'arm64'] as const;
const usage = `dist [--out <folder>] [--arch x64,arm64] [--only blackroad-node,blackroad-coordinator] [--form tar,deb,oci] [--key <file>]
key --out <file>        makes <file> (secret) and <file>.pub
verify <folder> --pub <file>
The password of a key is the first line of --password-file <file>; without that flag a key has none.`;
const say = (text: string) => void process.stdout.write(`  ${text}\n`);

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    ['out', 'arch', 'only', 'form', 'key', 'password-file', 'npm', 'pub'].map((name) => [
      name,
      { type: 'string' as const },
    ]),
  ),
});

/** Values of a flag with commas. @throws BuildError */
function chosen<const T extends string>(flag: string, all: readonly T[]): T[] {
  const asked = flags[flag] ? flags[flag].split(',') : all;
  const wrong = asked.find((each) => !all.includes(each as T));
  if (wrong !== undefined)
    throw new BuildError(`--${flag}: expected some of ${all.join(', ')}, got ${JSON.stringify(wrong)}`);
  return asked as T[];
}
async function build(): Promise<void> {
  const source = sourceOf(root, process.env.SOURCE_DATE_EPOCH);
  const only = chosen(
    'only',
    products.map(({ name }) => name),
  );
  const npm = (flags.npm || 'npm').split(' ');
  await dist({
    source,
    packages: new Packages({ root, parts: join(root, 'dist/parts'), npm, say }),
    products: products.filter(({ name }) => only.includes(name)),
    arches: chosen<Arch>('arch', arches),
    forms: chosen('form', forms),
    out: resolve(flags.out || join(root, 'dist', source.version)),
    key: keyFrom(flags.key, flags['password-file']),
    say,
  });
}

function makeKey(): void {
  const file = flags.out;
  if (!file) throw new BuildError('key: expected --out <file>, got none');
  if (existsSync(file)) throw new BuildError(`${file} is there already: a key is never written over`);
  const made = makeSecretKey(systemRandom, passwordIn(flags['password-file']));
  writeFileSync(file, made.secret, { mode: 0o600, flag: 'wx' });
  writeFileSync(`${file}.pub`, made.public);
  say(
    `${file} is the secret key${flags['password-file'] ? '' : ', without a password: whoever reads this file can sign'}`,
  );
  say(`${file}.pub goes to coordinators (fleet releases keys) and to people: ${readPublicKey(made.public).text}`);
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function verify(): Promise<void> {
  const folder = words[1];
  if (!folder || !flags.pub) throw new BuildError('verify: expected <folder> and --pub <file>');
  const key = readPublicKey(readFileSync(flags.pub, 'utf8'));
  const list = join(folder, 'SHA256SUMS');
  await verifyFile(list, readSignature(readFileSync(`${list}.minisig`, 'utf8')), [key]);
  say(`SHA256SUMS is signed by ${key.id}`);
  for (const line of readFileSync(list, 'utf8').trimEnd().split('\n')) {
    const [sum, name = ''] = line.split('  ');
    if (!existsSync(join(folder, name))) say(`${name}  is not here`);
    else if ((await hashOf(join(folder, name))) === sum) say(`${name}  as it was built`);
    else throw new BuildError(`${name}: expected the hash ${sum}, got another: the file was changed`);
  }
}

const verbs: Readonly<Record<string, () => void | Promise<void>>> = { dist: build, key: makeKey, verify };
try {
  const verb = verbs[words[0] ?? ''];
  if (!verb) throw new BuildError(`${words[0] ?? 'no verb'}: expected one of\n${usage}`);
  await verb();
} catch (error) {
  const isExpected = error instanceof BuildError || error instanceof SignatureError;
  process.stderr.write(`release: ${isExpected ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
