// A release as a package of Debian: an `ar` archive of a version, of what to do at installation, and of the files [deb(5)]. Written here and
// not by dpkg-deb, so that it is the same file on every machine, also where there is no dpkg.
import { createHash } from 'node:crypto';
import type { Arch } from './packages.ts';
import { gzipped, tarOf } from './tar-write.ts';
import { sortedPaths, type Tree, text } from './tree.ts';

export const debArch = { x64: 'amd64', arm64: 'arm64' } as const satisfies Record<Arch, string>;

interface Deb {
  name: string;
  version: string;
  arch: Arch;
  epochS: number;
  /** One line, and more in further lines. */
  description: string;
  /** The files as they are installed. */
  tree: Tree;
  unit: string;
  /** Whether the unit is started by the installation; a node-agent has to join first. */
  isStarted: boolean;
}

/** One member of an `ar` archive. */
function member(name: string, content: Buffer, epochS: number): Buffer {
  const head = `${name.padEnd(16)}${String(epochS).padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(content.length).padEnd(10)}\`\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), content, Buffer.alloc(content.length % 2, '\n')]);
}

function controlOf({ name, version, arch, description, tree }: Deb): string {
  let bytes = 0;
  for (const node of tree.values()) if ('content' in node) bytes += node.content.length;
  const [line, ...more] = description.split('\n');
  return `Package: ${name}
Version: ${version}
Architecture: ${debArch[arch]}
Maintainer: BlackRoad Fleet authors <fleet@localhost>
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 10), systemd
Section: net
Priority: optional
Description: ${line}
${more.map((text) => ` ${text}`).join('\n')}
`;
}

/** Of a machine whose init is not systemd, as in a container, nothing is started. */
function scriptsOf({ name, unit, isStarted }: Deb): Record<string, string> {
  const head = '#!/bin/sh\nset -e\n';
  return {
    postinst: `${head}[ "$1" = configure ] || exit 0
systemd-sysusers ${name}.conf
systemd-tmpfiles --create ${name}.conf 2>/dev/null || true
[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
systemctl enable --quiet ${unit}
systemctl ${isStarted ? 'restart' : 'try-restart'} ${unit}
`,
    prerm: `${head}[ "$1" = remove ] || exit 0
[ -d /run/systemd/system ] || exit 0
systemctl disable --now --quiet ${unit}
`,
    postrm: `${head}[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
# The data stays, with the identity of the machine in it: who wants it gone removes /var/lib/${name}.
`,
  };
}

export async function debOf(deb: Deb): Promise<Buffer> {
  const { epochS, tree } = deb;
  const sums = sortedPaths(tree).flatMap(({ path, node }) =>
    node && 'content' in node ? [`${createHash('md5').update(node.content).digest('hex')}  ${path}\n`] : [],
  );
  const control = new Map([
    ['control', text(controlOf(deb))],
    ['md5sums', text(sums.join(''))],
    ...Object.entries(scriptsOf(deb)).map(([name, script]) => [name, text(script, true)] as const),
  ]);
  const [head, data] = await Promise.all([
    gzipped(tarOf(control, epochS, { root: './' })),
    gzipped(tarOf(tree, epochS, { root: './' })),
  ]);
  return Buffer.concat([
    Buffer.from('!<arch>\n', 'latin1'),
    member('debian-binary', Buffer.from('2.0\n'), epochS),
    member('control.tar.gz', head, epochS),
    member('data.tar.gz', data, epochS),
  ]);
}
