// The layer under a release in an image: the C library and what of C++ Node needs, from packages of Debian, without a shell. They are fetched
// by apt with folders of its own, so that nothing of this machine changes and no right is needed, for either architecture. In: an
// architecture. Out: files, and the packages with their hashes; null, with the reason, on a machine without apt or where it finds nothing.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { isInside, tarEntries } from '@blackroad/std/tar-read';
import { debArch } from './deb.ts';
import type { Arch } from './packages.ts';
import { type TreeNode, text } from './tree.ts';

export interface BaseLayer {
  tree: Map<string, TreeNode>;
  /** `libc6 2.36-9+deb12u14 <sha256>` */
  packages: string[];
}

const wanted = ['libc6', 'libgcc-s1', 'libstdc++6'];
const maxArchiveBytes = 128 * 1024 * 1024;
/** Tables for character sets that nothing here converts; documents, but for the licences. */
const leftOut =
  /^usr\/(lib\/[^/]+\/(gconv|audit)\/|share\/(doc\/[^/]+\/(?!copyright$)|(lintian|man|locale|bug|gcc|gdb)\/))/;
/** Who it runs as: no user of the machine below has this number. */
export const imageUser = 65_532;

function apt(arch: Arch, folder: string, words: readonly string[]): string {
  const own = {
    'APT::Architecture': debArch[arch],
    'APT::Architectures::': debArch[arch],
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(folder, 'cache'),
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Debug::NoLocking': 'true',
  };
  const options = Object.entries(own).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return execFileSync('apt-get', ['-qq', ...options, ...words], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: maxArchiveBytes,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
}

/** Where Debian has merged the folders by now, and older packages have not. */
function merged(path: string): string {
  const plain = path.replace(/^\.\//, '').replace(/\/$/, '');
  return /^lib(32|64)?\//.test(plain) ? `usr/${plain}` : plain;
}

async function addFiles(archive: string, tree: Map<string, TreeNode>): Promise<void> {
  const tar = execFileSync('dpkg-deb', ['--fsys-tarfile', archive], { maxBuffer: maxArchiveBytes });
  for await (const { path, type, target, mode, content } of tarEntries(Readable.from([tar]))) {
    const place = merged(path);
    if (!isInside(place) || leftOut.test(place) || type === 'folder') continue;
    if (type === 'link') {
      tree.set(place, { link: target });
      continue;
    }
    const pieces: Buffer[] = [];
    for await (const piece of content) pieces.push(piece);
    tree.set(place, { content: Buffer.concat(pieces), isProgram: (mode & 0o111) !== 0 });
  }
}

export async function baseLayer(arch: Arch): Promise<BaseLayer | { why: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-base-'));
  try {
    for (const name of ['state/lists/partial', 'cache/archives/partial'])
      mkdirSync(join(folder, name), { recursive: true });
    apt(arch, folder, ['update']);
    apt(arch, folder, ['download', ...wanted]);
    const tree = new Map<string, TreeNode>();
    const packages: string[] = [];
    for (const name of readdirSync(folder)
      .filter((each) => each.endsWith('.deb'))
      .sort()) {
      const archive = join(folder, name);
      const [who, version] = decodeURIComponent(name).split('_');
      packages.push(`${who} ${version} ${createHash('sha256').update(readFileSync(archive)).digest('hex')}`);
      await addFiles(archive, tree);
    }
    for (const name of ['lib', 'lib64']) tree.set(name, { link: `usr/${name}` });
    tree.set(
      'etc/passwd',
      text(`root:x:0:0:root:/root:/sbin/nologin\nfleet:x:${imageUser}:${imageUser}:fleet:/data:/sbin/nologin\n`),
    );
    tree.set('etc/group', text(`root:x:0:\nfleet:x:${imageUser}:\n`));
    tree.set('etc/nsswitch.conf', text('hosts: files dns\n'));
    return { tree, packages };
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') return { why: 'this machine has no apt-get and dpkg-deb, which bring the C library' };
    return {
      why: `apt-get cannot fetch ${wanted.join(', ')} for ${debArch[arch]}: ${(stderr || message).trim().split('\n').at(-1)}`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
