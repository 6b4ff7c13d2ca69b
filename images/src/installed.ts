// The installed packages, before anything of ours but what their installation reads (images/early). It is the slow part of a build, since
// programs of the image run under emulation, and is kept: the same packages and the same files give the same base. In: the lock, archives of
// packages. Out: a tar.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '@blackroad/std/sha256';
import { run } from './commands.ts';
import { fileOf } from './debian.ts';
import { type Description, namedPackages } from './description.ts';
import { filesBelow } from './files.ts';
import type { LockedPackage } from './lock.ts';

interface BaseOrder {
  description: Description;
  packages: readonly LockedPackage[];
  root: string;
  /** Of archives of packages. */
  debs: string;
  /** Where it works and keeps what it made. */
  parts: string;
  say: (text: string) => void;
}

/**
 * The day on which Debian 13 came out: what an installation makes has this time, and not that of the commit, so that another commit needs no
 * other installation.
 */
const baseEpochS = 1_754_697_600;

/** An archive of exactly these packages, as apt reads it. */
function repository({ description: { suite }, packages, debs }: BaseOrder, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const lists = join(folder, `dists/${suite}/main/binary-arm64`);
  mkdirSync(lists, { recursive: true });
  mkdirSync(join(folder, 'pool'));
  const rows = packages.map((each) => {
    const archive = fileOf(debs, each);
    symlinkSync(archive, join(folder, 'pool', `${each.sha256}.deb`));
    const about = run('dpkg-deb', ['--field', archive]).trimEnd();
    const bytes = readFileSync(archive).length;
    return `${about}\nFilename: pool/${each.sha256}.deb\nSize: ${bytes}\nSHA256: ${each.sha256}\n`;
  });
  const list = rows.join('\n');
  writeFileSync(join(lists, 'Packages'), list);
  writeFileSync(
    join(folder, `dists/${suite}/Release`),
    `Suite: ${suite}\nCodename: ${suite}\nArchitectures: arm64\nComponents: main\nSHA256:\n ${sha256Hex(list)} ${Buffer.byteLength(list)} main/binary-arm64/Packages\n`,
  );
}

/** @throws BuildError */
export function installed(order: BaseOrder): string {
  const { description, packages, root, parts, say } = order;
  const early = join(root, 'images/early');
  const inImage = packages.filter(({ use }) => use !== 'tool');
  const files = [...filesBelow(early)].map(([path, { content, isProgram }]) => [path, isProgram, sha256Hex(content)]);
  const named = namedPackages(description).join(',');
  const key = sha256Hex(JSON.stringify([inImage.map(({ sha256 }) => sha256), files, named])).slice(0, 16);
  const kept = join(parts, `base-${key}.tar`);
  if (existsSync(kept)) {
    say('the packages are installed already, from the same lock');
    return kept;
  }
  const folder = join(parts, 'repository');
  repository({ ...order, packages: inImage }, folder);
  say(`installing ${inImage.length} packages for arm64 (minutes, the first time)`);
  const coming = join(parts, 'base.coming.tar');
  run(
    'mmdebstrap',
    [
      '--mode=root',
      '--architectures=arm64',
      '--variant=minbase',
      '--format=tar',
      `--include=${named}`,
      '--dpkgopt=force-unsafe-io',
      '--dpkgopt=force-confold',
      '--dpkgopt=force-confdef',
      `--dpkgopt=${join(early, 'etc/dpkg/dpkg.cfg.d/blackroad')}`,
      '--aptopt=Acquire::Languages "none"',
      // Before the first package is configured: which modules an initrd has, how kernels reach the boot partition.
      `--essential-hook=cp -r '${early}/.' "$1/"`,
      description.suite,
      coming,
      `deb [trusted=yes] copy://${folder} ${description.suite} main`,
    ],
    { env: { SOURCE_DATE_EPOCH: String(baseEpochS) }, isShown: process.stdout.isTTY },
  );
  for (const name of readdirSync(parts).filter((each) => /^base-.*\.tar$/.test(each))) rmSync(join(parts, name));
  renameSync(coming, kept);
  rmSync(folder, { recursive: true });
  return kept;
}
