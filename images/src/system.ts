// The root of the image, from the base: our files, the node-agent as its installer leaves it, units, and nothing that belongs to one machine
// or to one build. In: the base, the release of the node-agent. Out: a folder for the boot partition, and a tar of the root.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { OllamaRelease } from '../../protocol/src/ollama-release.ts';
import type { SecretKey } from '../../release/src/secret-key.ts';
import { run } from './commands.ts';
import { type Archives, sourcesList } from './debian.ts';
import type { Description } from './description.ts';
import { filesBelow, place } from './files.ts';

export interface NodeAgent {
  version: string;
  sha256: string;
  /** The archive of the release. */
  archive: Buffer;
}
export interface SystemOrder {
  description: Description;
  archives: Archives;
  base: string;
  nodeAgent: NodeAgent;
  /** The text of the public key whose releases the image takes. */
  publicKey: { name: SecretKey['name']; text: string } | null;
  /** Of the folders of these names. */
  programs: { firstBoot: string; ollama: string };
  /** Which release of Ollama the image installs; `unpacked`: a folder with it, where it is in the image from the beginning. */
  ollama: { release: OllamaRelease; unpacked: string | null };
  about: object;
  root: string;
  work: string;
  epochS: number;
}
const user = 'blackroad-node';
const home = 'opt/blackroad-node';
const data = 'var/lib/blackroad-node';

/** With `/proc`, and nothing else of this machine. */
function inside(root: string, ...words: string[]): void {
  run('unshare', ['--mount', '--pid', '--fork', `--mount-proc=${join(root, 'proc')}`, 'chroot', root, ...words]);
}

/** The layout is that of node-agent/install.sh, whose updater and whose second run find what they expect. */
function installNodeAgent({ nodeAgent, publicKey, work }: SystemOrder, root: string): void {
  const { version, sha256, archive } = nodeAgent;
  const file = join(work, 'node-agent.tar.gz');
  writeFileSync(file, archive);
  const release = join(root, home, 'releases', version);
  mkdirSync(release, { recursive: true });
  run('tar', ['-xzf', file, '-C', release, '--strip-components=1', '--no-same-owner']);
  rmSync(file);
  writeFileSync(join(release, '.archive-sha256'), sha256);
  symlinkSync(`releases/${version}`, join(root, home, 'current'));
  cpSync(join(release, 'launch'), join(root, home, 'launch'));
  symlinkSync(`/${data}/updates`, join(root, home, 'updates'));
  if (publicKey) {
    mkdirSync(join(root, home, 'release-keys'));
    writeFileSync(join(root, home, 'release-keys', `${publicKey.name}.pub`), publicKey.text);
  }
  const unit = readFileSync(join(release, 'blackroad-node.service'), 'utf8');
  writeFileSync(
    join(root, 'etc/systemd/system/blackroad-node.service'),
    unit.replaceAll(`/${home}/bin/`, `/${home}/current/bin/`),
  );
  for (const kind of ['service', 'path']) {
    const part = readFileSync(join(release, `blackroad-os-update.${kind}`), 'utf8');
    const placed = part.replaceAll(`/${home}/os-update`, `/${home}/current/os-update`);
    writeFileSync(join(root, `etc/systemd/system/blackroad-os-update.${kind}`), placed);
  }
  // The node-agent sees by this folder that the part is there which updates the system.
  mkdirSync(join(root, 'var/lib/blackroad-os'), { recursive: true });
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  symlinkSync(`/${home}/current/bin/fleet-node`, join(root, 'usr/local/bin/fleet-node'));
  const add = [
    '--system',
    '--user-group',
    '--home-dir',
    `/${data}`,
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
  ];
  inside(root, 'useradd', ...add, '--comment', 'BlackRoad Fleet node-agent', user);
  inside(root, 'install', '-d', '-m', '0700', '-o', user, '-g', user, `/${data}`, `/${data}/updates`);
}

/** What runs beside the node-agent, and what it installs or has installed. */
function installPrograms({ programs, ollama, root: project }: SystemOrder, root: string): void {
  const own = join(root, 'usr/lib/blackroad-image');
  cpSync(programs.firstBoot, join(own, 'first-boot.mjs'));
  const unit = 'blackroad-first-boot.service';
  cpSync(join(project, 'images/first-boot', unit), join(root, 'usr/lib/systemd/system', unit));
  cpSync(programs.ollama, join(own, 'ollama.mjs'));
  writeFileSync(join(own, 'ollama.json'), `${JSON.stringify(ollama.release, null, 1)}\n`);
  mkdirSync(join(root, 'etc/blackroad'), { recursive: true });
  const place = join(root, 'opt/ollama');
  if (ollama.unpacked === null) {
    symlinkSync('/var/lib/ollama/program/current', place);
    return;
  }
  cpSync(ollama.unpacked, place, { recursive: true, verbatimSymlinks: true });
  writeFileSync(join(root, 'etc/blackroad/ollama-wanted'), '');
}

/** What belongs to one machine, or to one build. */
const left = [
  'etc/ssh/ssh_host_*',
  'etc/hostname-',
  'etc/resolv.conf',
  'etc/*-',
  'etc/.pwd.lock',
  'etc/apt/apt.conf.d/99mmdebstrap',
  'etc/dpkg/dpkg.cfg.d/99mmdebstrap',
  'var/lib/dpkg/*-old',
  'var/cache/debconf/*-old',
  'var/cache/ldconfig/aux-cache',
  'var/cache/apt/*.bin',
  'var/lib/apt/lists/*',
  'var/lib/systemd/random-seed',
  'var/lib/dbus/machine-id',
  'boot/*.old',
  'run/*',
  'tmp/*',
  'proc/*',
  'dev/*',
];

function empty(root: string): void {
  for (const each of left) run('sh', ['-c', `rm -rf '${root}'/${each}`]);
  run('find', [join(root, 'var/log'), '-type', 'f', '-delete']);
  // Empty, and not missing: systemd makes one at the first start, which is an ordinary start otherwise.
  writeFileSync(join(root, 'etc/machine-id'), '');
  symlinkSync('/run/systemd/resolve/stub-resolv.conf', join(root, 'etc/resolv.conf'));
}

/** @returns the folder of the boot partition, and the tar of the root. @throws BuildError */
export function systemOf(order: SystemOrder): { boot: string; tar: string } {
  const { description, archives, base, about, root: project, work, epochS } = order;
  rmSync(work, { recursive: true, force: true });
  const root = join(work, 'root');
  mkdirSync(root, { recursive: true });
  run('tar', ['-xpf', base, '-C', root, '--numeric-owner', '--xattrs', '--xattrs-include=*']);
  for (const name of ['early', 'files']) place(filesBelow(join(project, 'images', name)), root);
  place(new Map([['etc/apt/sources.list', { content: Buffer.from(sourcesList(description, archives)) }]]), root);
  installNodeAgent(order, root);
  installPrograms(order, root);
  writeFileSync(join(root, 'etc/blackroad/image.json'), `${JSON.stringify(about, null, 1)}\n`);
  inside(root, 'systemd-sysusers');
  inside(root, 'systemctl', 'enable', ...description.enabled, 'blackroad-os-update.path', 'blackroad-first-boot');
  inside(root, 'systemctl', 'disable', ...description.disabled);
  inside(root, '/usr/lib/blackroad-image/write-boot');
  empty(root);
  // systemd takes no earlier time for true, until a server of time says one: a Pi has no clock that runs without power.
  writeFileSync(join(root, 'usr/lib/clock-epoch'), '');
  utimesSync(join(root, 'usr/lib/clock-epoch'), epochS, epochS);
  const boot = join(work, 'boot');
  mkdirSync(boot);
  for (const name of readdirSync(join(root, 'boot/firmware'))) {
    renameSync(join(root, 'boot/firmware', name), join(boot, name));
  }
  if (!existsSync(join(boot, 'config.txt'))) throw new Error('write-boot has written no config.txt');
  const tar = join(work, 'root.tar');
  run('tar', [
    '--create',
    `--file=${tar}`,
    `--directory=${root}`,
    '--sort=name',
    `--mtime=@${epochS}`,
    '--clamp-mtime',
    '--numeric-owner',
    '--xattrs',
    '--xattrs-include=*',
    '--format=posix',
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    '.',
  ]);
  return { boot, tar };
}
