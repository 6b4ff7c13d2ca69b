// The command behind `make image`: `build` builds the image, `lock` asks Debian for the newest packages and writes images/packages.lock,
// `check` looks whether an image is as it should be. Exit code 1: it failed, and says why in a sentence.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { keyFrom } from '../../release/src/key-file.ts';
import { BuildError, sourceOf } from '../../release/src/source.ts';
import { buildImage } from './build.ts';
import { check, imageIn } from './check.ts';
import { need } from './commands.ts';
import { resolved, resolvedBeyond, usualArchives } from './debian.ts';
import { readDescription } from './description.ts';
import { readLock, writeLock } from './lock.ts';

const root = resolve(import.meta.dirname, '../..');
const usage = `build [--out <folder>] [--parts <folder>] [--mirror "<archive> [<security archive>]"] [--key <file> [--password-file <file>]] [--with ollama]
lock [new]              writes images/packages.lock; new: what is in it stays, and what images/image.yaml names beyond it comes
check [<image>]         the image that was built last, where none is named`;
const say = (text: string) => void process.stdout.write(`  ${text}\n`);
const lockFile = join(root, 'images/packages.lock');

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: Object.fromEntries(
    ['out', 'parts', 'mirror', 'key', 'password-file', 'npm', 'with'].map((name) => [
      name,
      { type: 'string' as const },
    ]),
  ),
});
const parts = resolve(flags.parts || join(root, 'dist/image-parts'));

async function build(): Promise<void> {
  if (!existsSync(lockFile))
    throw new BuildError('images/packages.lock: expected it, got nothing: run make image-lock');
  const source = sourceOf(root, process.env.SOURCE_DATE_EPOCH);
  const key = keyFrom(flags.key, flags['password-file']);
  if (flags.with && flags.with !== 'ollama')
    throw new BuildError(`WITH: expected ollama, got ${JSON.stringify(flags.with)}`);
  await buildImage({
    source,
    root,
    description: readDescription(root),
    packages: readLock(readFileSync(lockFile, 'utf8')),
    mirror: flags.mirror,
    npm: (flags.npm || 'npm').split(' '),
    parts,
    out: resolve(flags.out || join(root, 'dist', source.version)),
    key,
    withOllama: flags.with === 'ollama',
    // Beside the secret one, as `make dist` and minisign leave it.
    publicKey: flags.key ? readFileSync(`${flags.key}.pub`, 'utf8') : null,
    say,
  });
}

function lock(): void {
  need({ mmdebstrap: 'mmdebstrap', 'apt-get': 'apt' });
  mkdirSync(parts, { recursive: true });
  const description = readDescription(root);
  const what = words[1] ?? 'all';
  if (what !== 'all' && what !== 'new') throw new BuildError(`lock: expected new, or nothing, got ${what}`);
  const locked = existsSync(lockFile) ? readLock(readFileSync(lockFile, 'utf8')) : [];
  const asked = {
    ...{ description, root, folder: join(parts, 'lists') },
    archives: usualArchives(description.suite, parts),
  };
  const packages = what === 'new' ? resolvedBeyond(locked, asked) : resolved(asked);
  const before = new Map(locked.map(({ name, version }) => [name, version]));
  writeFileSync(lockFile, writeLock(packages));
  for (const { name, version } of packages) {
    const was = before.get(name);
    if (was !== version) say(was ? `${name}: ${was} -> ${version}` : `${name}: ${version}, new`);
    before.delete(name);
  }
  for (const name of before.keys()) say(`${name}: gone`);
  say(`images/packages.lock has ${packages.length} packages`);
}

function look(): void {
  const image = words[1] ?? imageIn(join(root, 'dist'));
  if (image === null) {
    say('SKIPPED: there is no image in dist/, so nothing was checked. `make image` builds one.');
    return;
  }
  const { found, problems } = check(resolve(image), readDescription(root));
  for (const each of found) say(each);
  if (problems.length > 0) throw new BuildError(`${image} is not as it should be:\n  ${problems.join('\n  ')}`);
  say(`${image}: as it should be`);
}

const verbs: Readonly<Record<string, () => void | Promise<void>>> = { build, lock, check: look };
try {
  const verb = verbs[words[0] ?? ''];
  if (!verb) throw new BuildError(`${words[0] ?? 'no verb'}: expected one of\n${usage}`);
  await verb();
} catch (error) {
  process.stderr.write(`image: ${error instanceof BuildError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 1;
}
