// images/packages.lock: every package of the image with its version and its hash, one a line. A build fetches exactly these. In and out: the
// text of that file. Pure.
import { BuildError } from '../../release/src/source.ts';

export interface LockedPackage {
  name: string;
  version: string;
  sha256: string;
  /** Of Debian's two: that of releases, or that of security updates. */
  archive: 'debian' | 'security';
  /** Below the archive's address. */
  path: string;
  /** In the image, run while it is built, or both. */
  use: 'image' | 'tool' | 'both';
}

const head = `# Every package of the image: name=version=sha256, the archive, its path there, and whether it is in the image or a tool of the build.
# Written by \`make image-lock\`; a build takes exactly these.
`;
const row =
  /^(?<name>[a-z0-9][a-z0-9.+-]*)=(?<version>[^=\s]+)=(?<sha256>[0-9a-f]{64}) (?<archive>debian|security) (?<path>pool\/[^\s]+\.deb) (?<use>image|tool|both)$/;

export function writeLock(packages: readonly LockedPackage[]): string {
  const lines = packages.map(
    ({ name, version, sha256, archive, path, use }) => `${name}=${version}=${sha256} ${archive} ${path} ${use}\n`,
  );
  return head + lines.sort().join('');
}

/** @throws BuildError */
export function readLock(text: string): LockedPackage[] {
  return text
    .split('\n')
    .map((line, at) => ({ line, at: at + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, at }) => {
      const found = row.exec(line)?.groups as Record<string, string> | undefined;
      if (!found || found.path?.split('/').includes('..'))
        throw new BuildError(
          `images/packages.lock, line ${at}: expected name=version=sha256, "debian" or "security", a path, and its use, got ${JSON.stringify(line.slice(0, 120))}`,
        );
      const { name = '', version = '', sha256 = '', archive, path = '', use } = found;
      return {
        name,
        version,
        sha256,
        archive: archive as LockedPackage['archive'],
        path,
        use: use as LockedPackage['use'],
      };
    });
}

/**
 * `locked` as it is, with what `after` has beyond `before` and it: so a package that the image did not have comes with what it needs, and no other
 * changes. Pure.
 */
export function withNew(
  locked: readonly LockedPackage[],
  before: readonly LockedPackage[],
  after: readonly LockedPackage[],
): LockedPackage[] {
  const rows = new Map(locked.map((each) => [each.sha256, each]));
  const known = new Set([...locked.filter(({ use }) => use !== 'tool'), ...before].map(({ name }) => name));
  for (const each of after) {
    if (known.has(each.name)) continue;
    // A tool of the build may be it.
    rows.set(each.sha256, rows.has(each.sha256) ? { ...each, use: 'both' } : each);
  }
  return [...rows.values()];
}
