// Two small repositories of packages on a throw-away machine: one that passes for Debian's security updates, one of somebody else. In:
// packages with what they do when they are set up. Out: files below /srv of that machine, which its apt reads.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from '../install/machine.ts';

export interface SamplePackage {
  name: string;
  version: string;
  /** Lines of a shell, run when it is set up. */
  setUp?: string;
  /** The text of its file in /etc. */
  settings?: string;
}
const labels = {
  security: ['Debian-Security', 'stable-security', 'trixie-security'],
  others: ['Elsewhere', 'stable', 'trixie'],
};
export type Source = keyof typeof labels;

function debOf({ name, version, setUp, settings }: SamplePackage): { control: string; content: Buffer } {
  const work = mkdtempSync(join(tmpdir(), 'os-deb-'));
  try {
    const control = `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: made for a test\n`;
    const folder = join(work, 'tree');
    mkdirSync(join(folder, 'DEBIAN'), { recursive: true });
    writeFileSync(join(folder, 'DEBIAN/control'), control);
    if (setUp) writeFileSync(join(folder, 'DEBIAN/postinst'), `#!/bin/sh\n${setUp}\n`, { mode: 0o755 });
    if (settings) {
      mkdirSync(join(folder, 'etc'));
      writeFileSync(join(folder, `etc/${name}.conf`), `${settings}\n`);
      writeFileSync(join(folder, 'DEBIAN/conffiles'), `/etc/${name}.conf\n`);
    }
    const file = join(work, 'made.deb');
    execFileSync('dpkg-deb', ['--root-owner-group', '-b', folder, file], { stdio: 'ignore' });
    return { control, content: readFileSync(file) };
  } finally {
    rmSync(work, { recursive: true });
  }
}
const sha256 = (content: Buffer | string) => createHash('sha256').update(content).digest('hex');

/** What the source has from now on, and nothing else. */
export async function offer(machine: Machine, source: Source, packages: readonly SamplePackage[]): Promise<void> {
  const files = new Map<string, Buffer>();
  const index = packages.map((each) => {
    const { control, content } = debOf(each);
    const name = `${each.name}_${each.version}_all.deb`;
    files.set(name, content);
    return `${control}Filename: ./${name}\nSize: ${content.length}\nSHA256: ${sha256(content)}\n`;
  });
  const list = index.join('\n');
  const [label, suite, codename] = labels[source];
  const release = [
    `Origin: ${label === 'Elsewhere' ? label : 'Debian'}\nLabel: ${label}\nSuite: ${suite}\nCodename: ${codename}`,
    `Date: ${new Date().toUTCString().replace('GMT', 'UTC')}\nSHA256:\n ${sha256(list)} ${list.length} Packages\n`,
  ].join('\n');
  files.set('Packages', Buffer.from(list));
  files.set('Release', Buffer.from(release));
  const parts = [...files].map(([name, content]) => `echo '${content.toString('base64')}' | base64 -d >'${name}'`);
  const folder = `/srv/${source}`;
  await machine.run(`rm -rf ${folder}; mkdir -p ${folder} && cd ${folder} && ${parts.join(' && ')}`);
}
/** The two are all that apt knows. */
export async function only(machine: Machine): Promise<void> {
  const lines = Object.keys(labels).map((source) => `deb [trusted=yes] file:/srv/${source} ./`);
  await machine.run(
    `rm -f /etc/apt/sources.list.d/*; printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >/etc/apt/sources.list; rm -rf /var/lib/apt/lists/*; apt-get -qq update`,
  );
}
