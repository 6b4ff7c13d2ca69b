// The two products, and how each is laid out as an archive, a package and an image: in what folder it lies, what is linked from where, how
// its unit finds it. One table; dist.ts builds what it says.
import type { Built } from './built.ts';
import { coordinator } from './coordinator.ts';
import { nodeAgent } from './node-agent.ts';
import type { Arch, Packages } from './packages.ts';
import { type Tree, type TreeNode, text } from './tree.ts';

export interface Product {
  name: 'blackroad-node' | 'blackroad-coordinator';
  /** In a line. */
  text: string;
  /** In lines of at most 78 characters. */
  more: string;
  /** Commands that a person types. */
  commands: readonly string[];
  /** Whether the unit can start before a person has done something. */
  isStarted: boolean;
  /** What an image starts, after Node itself. */
  image: { cmd: readonly string[]; env: string; ports: readonly number[] };
  build(packages: Packages, root: string, arch: Arch): Promise<Built>;
}

export const products: readonly Product[] = [
  {
    name: 'blackroad-node',
    text: 'node-agent of BlackRoad Fleet',
    more: 'Makes this machine a node of a fleet that runs AI agents on hardware its\nowner holds. It brings its own Node; `fleet-node join <token>` comes first.',
    commands: ['fleet-node'],
    isStarted: false,
    image: { cmd: ['run'], env: 'BLACKROAD_NODE_DATA', ports: [] },
    build: nodeAgent,
  },
  {
    name: 'blackroad-coordinator',
    text: 'coordinator of BlackRoad Fleet, with its console and the fleet command',
    more: 'Places agents on the nodes of a fleet, runs their tasks, and serves its API\nand its console at http://127.0.0.1:8400. It brings its own Node.',
    commands: ['fleet'],
    isStarted: true,
    image: { cmd: [], env: 'BLACKROAD_DATA', ports: [8401, 8402, 8403] },
    build: coordinator,
  },
];

/** Where a release lies that was unpacked by hand or by the installer, and where a package and an image have it. */
export const folders = { archive: (name: string) => `/opt/${name}`, system: (name: string) => `/usr/lib/${name}` };
/** Of the units in the source, which are for a checkout. */
const checkout = '/opt/blackroad';

/** The release as one of these: its unit has its folder, and starts the launcher of an archive that brings one. A package belongs to apt. */
export function placed({ name, commands }: Product, tree: Tree, as: keyof typeof folders): Map<string, TreeNode> {
  const folder = folders[as](name);
  const hasLauncher = as === 'archive' && tree.has('launch');
  const unit = (content: Buffer) => {
    const there = content.toString().replaceAll(checkout, folder);
    const start = `ExecStart=${folder}/`;
    return hasLauncher ? there.replace(`${start}bin/${commands[0]} `, `${start}launch `) : there;
  };
  return new Map(
    [...tree].map(([path, node]) => [
      path,
      path.endsWith('.service') && 'content' in node ? text(unit(node.content)) : node,
    ]),
  );
}

/** In an archive the unit of the coordinator starts the launcher: its files belong to nobody else, so it upgrades itself. */
export function launched(tree: Tree): Map<string, TreeNode> {
  const [unit, program] = ['blackroad-coordinator.service', '/bin/fleet-coordinator'];
  const node = tree.get(unit);
  const whole = new Map(tree);
  if (node && 'content' in node) whole.set(unit, text(node.content.toString().replace(program, '/launch')));
  return whole;
}

/** For the folder of documents; `changelog` compressed. */
export interface Notes {
  license: string;
  changelog: Buffer;
}
/** The files of a package: the release in one folder, and what systemd and people look for elsewhere. */
export function asSystemFiles({ name, commands }: Product, tree: Tree, notes: Notes): Map<string, TreeNode> {
  const home = folders.system(name).slice(1);
  const files = new Map<string, TreeNode>();
  const readBySystemd = {
    [`${name}.service`]: `systemd/system/${name}.service`,
    [`${name}.sysusers.conf`]: `sysusers.d/${name}.conf`,
    [`${name}.tmpfiles.conf`]: `tmpfiles.d/${name}.conf`,
  };
  for (const [path, node] of tree) {
    files.set(`${home}/${path}`, node);
    const also = readBySystemd[path];
    if (also) files.set(`usr/lib/${also}`, node);
  }
  for (const command of commands) files.set(`usr/bin/${command}`, { link: `../lib/${name}/bin/${command}` });
  const docs = `usr/share/doc/${name}`;
  files.set(
    `${docs}/copyright`,
    text(`${notes.license}\nWhat is in it, with the licence of each: /${home}/LICENSES\n`),
  );
  files.set(`${docs}/changelog.gz`, { content: notes.changelog });
  return files;
}
