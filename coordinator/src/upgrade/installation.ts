// How this coordinator is installed, and what a person does to upgrade one that cannot do it by itself.
import { existsSync } from 'node:fs';
import type { Installation } from '@blackroad/protocol';

const packaged = '/usr/lib/blackroad-coordinator';
/** dpkg has it for each package that is installed. */
const ofDpkg = '/var/lib/dpkg/info/blackroad-coordinator.list';
const debArch: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** `here`: the folder of the program; `upgrades`: what its launcher said, or empty. */
export function installationOf(here: string, isRelease: boolean, upgrades: string): Installation {
  if (!isRelease) return 'checkout';
  if (upgrades !== '') return 'release';
  if (here.replace(/\/+$/, '') !== packaged) return 'unpacked';
  return existsSync(ofDpkg) ? 'package' : 'image';
}

const ways: Record<Installation, string> = {
  release: '',
  unpacked:
    'This coordinator was started without its launcher. Let the unit of its release start it (`launch` in its folder, docs/upgrade.md); from then on it upgrades itself.',
  package: `This coordinator is a package of Debian, whose files belong to apt: make a backup with \`fleet backup\`, then \`sudo apt-get install ./blackroad-coordinator_<version>_${debArch[process.arch] ?? process.arch}.deb\`.`,
  image:
    'This coordinator is an image: make a backup with `fleet backup`, then start the image of the newer version with the same /data.',
  checkout:
    'This coordinator runs from a checkout: make a backup with `fleet backup`, then `git pull`, `make install`, and start it again (`make down`, `make up`, or `sudo systemctl restart blackroad-coordinator`).',
};
export const waysToUpgrade = (installed: Installation): string => ways[installed];
