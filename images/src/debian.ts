// Debian's archives, asked with apt: which packages the image needs, and the packages themselves. In: the description, the lock. Out: a lock,
// or archives in a folder under their hashes. apt has folders of its own: nothing of this machine changes.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256OfFile } from '@blackroad/std/sha256';
import { BuildError } from '../../release/src/source.ts';
import { run } from './commands.ts';
import { type Description, namedPackages } from './description.ts';
import { type LockedPackage, withNew } from './lock.ts';

/** Addresses without a slash at their ends. */
export interface Archives {
  debian: string;
  security: string;
}
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const apt = { attempts: '5', timeoutS: '60' };

/** Those that mmdebstrap knows by itself: this project names no server. @throws BuildError */
export function usualArchives(suite: string, folder: string): Archives {
  const kept = join(folder, 'sources');
  rmSync(kept, { force: true });
  mkdirSync(folder, { recursive: true });
  const hook = `cp "$1/etc/apt/sources.list" '${kept}'; exit 3`;
  const words = [
    ...['--mode=root', '--format=null', '--variant=custom', '--architectures=arm64'],
    // No program of arm64 is run for the list.
    ...['--skip=check/qemu', `--setup-hook=${hook}`],
  ];
  try {
    run('mmdebstrap', [...words, suite, '-']);
  } catch (error) {
    // The hook ends it as soon as the list is there.
    if (!existsSync(kept)) throw error;
  }
  const lines = readFileSync(kept, 'utf8').split('\n');
  const of = (name: string) =>
    lines
      .map((line) => /^deb (?:\[[^\]]*\] )?(\S+) (\S+) /.exec(line))
      .find((found) => found?.[2] === name)?.[1]
      ?.replace(/\/$/, '');
  const [debian, security] = [of(suite), of(`${suite}-security`)];
  if (!debian || !security) throw new BuildError(`mmdebstrap: expected it to know the archives of ${suite}, got none`);
  return { debian, security };
}

/** `MIRROR="<archive> <archive of security>"`. @throws BuildError */
export function archivesOf(mirror: string | undefined, usual: Archives): Archives {
  if (!mirror) return usual;
  const [debian, security, more] = mirror.split(/\s+/).map((each) => each.replace(/\/$/, ''));
  const isAddress = (text: string | undefined) => text === undefined || /^(https?|file|copy):\/\/?\S+$/.test(text);
  if (!debian || more || !isAddress(debian) || !isAddress(security))
    throw new BuildError(
      `MIRROR: expected the address of a mirror of Debian, and that of its security archive after a space where there is one, got ${JSON.stringify(mirror)}`,
    );
  return { debian, security: security ?? usual.security };
}

export function sourcesList({ suite, components }: Description, archives: Archives, options = ''): string {
  const rows = [
    [archives.debian, suite],
    [archives.debian, `${suite}-updates`],
    [archives.security, `${suite}-security`],
    [archives.debian, `${suite}-backports`],
  ];
  return rows.map(([address, name]) => `deb ${options}${address} ${name} ${components.join(' ')}\n`).join('');
}

interface Asked {
  description: Description;
  archives: Archives;
  root: string;
  /** Where apt keeps its lists. */
  folder: string;
}
/** What apt would install today for these names, where nothing is installed. */
type Installs = (names: readonly string[]) => LockedPackage[];
/** Those that come with the suite. */
const always = ['?essential', '?priority(required)', 'apt'];

/** Which packages Debian has today for what the description names. @throws BuildError */
export function resolved(asked: Asked): LockedPackage[] {
  const { description } = asked;
  const installs = askedToday(asked);
  const found = new Map(installs([...always, ...namedPackages(description)]).map((each) => [each.sha256, each]));
  for (const each of installs(description.tools))
    found.set(each.sha256, { ...each, use: found.has(each.sha256) ? 'both' : 'tool' });
  return [...found.values()];
}

/**
 * `locked`, and what the description names beyond it with what that needs. A build fails where a new one needs a newer one than is locked.
 * @throws BuildError
 */
export function resolvedBeyond(locked: readonly LockedPackage[], asked: Asked): LockedPackage[] {
  const named = namedPackages(asked.description);
  const has = new Set(locked.filter(({ use }) => use !== 'tool').map(({ name }) => name));
  const installs = askedToday(asked);
  const without = installs([...always, ...named.filter((name) => has.has(name))]);
  return withNew(locked, without, installs([...always, ...named]));
}

/** Asks for the lists of today once. */
function askedToday({ description, archives, root, folder }: Asked): Installs {
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['etc', 'state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'etc/sources.list'), sourcesList(description, archives, `[signed-by=${keyring}] `));
  const own = {
    'APT::Architecture': 'arm64',
    'APT::Architectures::': 'arm64',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Dir::Etc': join(folder, 'etc'),
    'Dir::Etc::preferences': join(root, 'images/early/etc/apt/preferences.d/blackroad'),
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(folder, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::ForceHash': 'sha256',
    'Acquire::Retries': apt.attempts,
    'Debug::NoLocking': 'true',
  };
  const options = Object.entries(own).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  run('apt-get', ['-qq', ...options, 'update']);
  return (names) =>
    run('apt-get', [...options, '-qq', '--yes', '--print-uris', 'install', ...names])
      .split('\n')
      .filter((line) => line.startsWith("'"))
      .map((line) => packageOf(line, archives));
}

function packageOf(line: string, archives: Archives): LockedPackage {
  const [, address = '', file = '', sha256] = /^'([^']+)' (\S+) \d+ SHA256:([0-9a-f]{64})$/.exec(line) ?? [];
  const archive = (['security', 'debian'] as const).find((name) => address.startsWith(`${archives[name]}/pool/`));
  if (!sha256 || !archive) throw new BuildError(`apt-get: expected an address with a SHA-256, got ${line}`);
  const [name = '', version = ''] = file.split('_').map(decodeURIComponent);
  const path = decodeURIComponent(address.slice(archives[archive].length + 1));
  return { name, version, sha256, archive, path, use: 'image' };
}

export const fileOf = (folder: string, { sha256 }: LockedPackage) => join(folder, `${sha256}.deb`);

/** Exactly these, by their hashes. @throws BuildError */
export async function fetched(
  packages: readonly LockedPackage[],
  archives: Archives,
  folder: string,
  say: (text: string) => void,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const missing = packages.filter((each) => !existsSync(fileOf(folder, each)));
  if (missing.length === 0) return;
  say(`fetching ${missing.length} packages`);
  const gone: string[] = [];
  for (const each of missing) {
    const { name, version, sha256, archive, path } = each;
    const coming = `${fileOf(folder, each)}.coming`;
    rmSync(coming, { force: true });
    const options = ['-o', `Acquire::Retries=${apt.attempts}`, '-o', `Acquire::http::Timeout=${apt.timeoutS}`];
    try {
      run('/usr/lib/apt/apt-helper', [
        ...options,
        'download-file',
        `${archives[archive]}/${encodeURI(path)}`,
        coming,
        `SHA256:${sha256}`,
      ]);
      if ((await sha256OfFile(coming)) !== sha256) throw new BuildError('another hash');
      renameSync(coming, fileOf(folder, each));
    } catch (error) {
      gone.push(`${name} ${version}: ${(error as Error).message.split('\n').at(-1)?.trim()}`);
      rmSync(coming, { force: true });
    }
  }
  if (gone.length > 0)
    throw new BuildError(
      `${gone.length} of ${packages.length} packages of images/packages.lock cannot be had:\n    ${gone.slice(0, 12).join('\n    ')}\n  Debian keeps only its newest versions: \`make image-lock\` takes those, or MIRROR=<address> names an archive that has the old ones.`,
    );
}
