// The image as one file, without a mount and without a loop device: a partition table, a FAT file system for the firmware, an ext4 one for the
// root. In: a folder, a tar. Out: a file that is the same byte for byte for the same input. Numbers that usually are random follow from the
// version.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '@blackroad/std/sha256';
import { BuildError } from '../../release/src/source.ts';
import { run } from './commands.ts';
import { fileOf } from './debian.ts';
import { filesBelow } from './files.ts';
import type { LockedPackage } from './lock.ts';
import { personalFileName, personalTemplate } from './personal-area.ts';

export const labels = { boot: 'BLACKROAD', root: 'BLACKROAD-ROOT' };
const mb = 1024 * 1024;
/** Where the first partition begins: cards erase in pieces of this size. */
const bootAt = 4 * mb;

interface AssembleOrder {
  boot: string;
  tar: string;
  tools: readonly LockedPackage[];
  debs: string;
  work: string;
  image: string;
  bootMB: number;
  freeMB: number;
  version: string;
  epochS: number;
}
interface Layout {
  partitions: { label: string; type: 'fat32' | 'ext4'; offset: number; bytes: number }[];
  /** Where the personal file may be written over, in bytes of the image. */
  personalFile: { path: string; offset: number; bytes: number };
}

/** Programs of the image's Debian, which write the same on every machine. */
function toolsIn({ tools, debs, work }: AssembleOrder): string {
  const folder = join(work, 'tools');
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['usr/bin', 'usr/sbin', 'usr/lib']) mkdirSync(join(folder, name), { recursive: true });
  // Without it mke2fs says that it cannot know what is mounted.
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/mtab'), '');
  for (const name of ['bin', 'sbin', 'lib']) run('ln', ['-s', `usr/${name}`, join(folder, name)]);
  for (const each of tools) {
    const tar = `dpkg-deb --fsys-tarfile '${fileOf(debs, each)}' | tar -xf - -C '${folder}' --keep-directory-symlink`;
    run('bash', ['-o', 'pipefail', '-c', tar]);
  }
  return folder;
}

function bootPartition({ boot, work, bootMB, version, epochS }: AssembleOrder): string {
  const file = join(work, 'boot.fat');
  rmSync(file, { force: true });
  const env = { SOURCE_DATE_EPOCH: String(epochS), MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' };
  const id = sha256Hex(`boot ${version} ${epochS}`).slice(0, 8);
  const words = ['--invariant', '-F', '32', '-n', labels.boot, '-i', id, '-C', file, String(bootMB * 1024)];
  run('mkfs.vfat', words, { env });
  // First of all, so that its clusters follow one another: the console writes over them while it sends the image to a person.
  const template = join(work, personalFileName);
  personalTemplate(template);
  const files = [...filesBelow(boot).keys()];
  const folders = new Set<string>();
  for (const path of files)
    for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) folders.add(path.slice(0, at));
  const copy = (from: string, to: string) => {
    utimesSync(from, epochS, epochS);
    run('mcopy', ['-i', file, '-m', from, `::${to}`], { env });
  };
  copy(template, personalFileName);
  for (const path of [...folders].sort()) run('mmd', ['-i', file, `::${path}`], { env });
  for (const path of files) copy(join(boot, path), path);
  return file;
}

function rootPartition(order: AssembleOrder): string {
  const { tar, freeMB, version, epochS, work } = order;
  const tools = toolsIn(order);
  renameSync(tar, join(tools, 'root.tar'));
  const id = sha256Hex(`root ${version} ${epochS}`);
  const uuid = [id.slice(0, 8), id.slice(8, 12), `4${id.slice(13, 16)}`, `8${id.slice(17, 20)}`, id.slice(20, 32)].join(
    '-',
  );
  const content = statSync(join(tools, 'root.tar')).size;
  const room = Math.ceil((content * 1.08) / mb / 4) * 4 + freeMB;
  run(
    'chroot',
    [
      tools,
      '/usr/sbin/mke2fs',
      '-q',
      '-t',
      'ext4',
      '-d',
      '/root.tar',
      '-L',
      labels.root,
      '-U',
      uuid,
      '-m',
      '1',
      '-E',
      `hash_seed=${uuid},root_owner=0:0`,
      '/root.ext4',
      `${room}M`,
    ],
    { env: { SOURCE_DATE_EPOCH: String(epochS) } },
  );
  const file = join(work, 'root.ext4');
  renameSync(join(tools, 'root.ext4'), file);
  rmSync(tools, { recursive: true });
  return file;
}

/** Where the whole of `wanted` lies in the file, within its first part. */
function placeOf(wanted: Buffer, file: string, withinBytes: number): number {
  const part = Buffer.alloc(withinBytes);
  const opened = openSync(file, 'r');
  const bytes = readSync(opened, part, 0, withinBytes, 0);
  closeSync(opened);
  const at = part.subarray(0, bytes).indexOf(wanted);
  if (at === -1)
    throw new BuildError(
      `${file}: expected ${personalFileName} in one piece near its beginning, got it elsewhere or in parts`,
    );
  return at;
}

/** @throws BuildError */
export function assemble(order: AssembleOrder): Layout {
  const { image, work, version, epochS } = order;
  const boot = bootPartition(order);
  const root = rootPartition(order);
  const [bootBytes, rootBytes] = [statSync(boot).size, statSync(root).size];
  const rootAt = bootAt + bootBytes;
  rmSync(image, { force: true });
  run('truncate', ['--size', String(rootAt + rootBytes), image]);
  const id = `0x${sha256Hex(`disk ${version} ${epochS}`).slice(0, 8)}`;
  const table = [
    `label: dos\nlabel-id: ${id}\nunit: sectors\n`,
    `start=${bootAt / 512}, size=${bootBytes / 512}, type=c, bootable`,
    `start=${rootAt / 512}, size=${rootBytes / 512}, type=83\n`,
  ].join('\n');
  run('sfdisk', ['--quiet', image], { input: table });
  for (const [from, at] of [
    [boot, bootAt],
    [root, rootAt],
  ] as const)
    run('dd', [`if=${from}`, `of=${image}`, 'bs=4M', `seek=${at / (4 * mb)}`, 'conv=notrunc,sparse', 'status=none']);
  const template = personalTemplate(join(work, personalFileName));
  const offset = bootAt + placeOf(template, boot, 64 * mb);
  for (const file of [boot, root]) if (existsSync(file)) rmSync(file);
  return {
    partitions: [
      { label: labels.boot, type: 'fat32', offset: bootAt, bytes: bootBytes },
      { label: labels.root, type: 'ext4', offset: rootAt, bytes: rootBytes },
    ],
    personalFile: { path: personalFileName, offset, bytes: template.length },
  };
}
