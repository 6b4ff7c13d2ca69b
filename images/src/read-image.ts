// Reads an image without a mount and without a right: the partition table by its bytes, files of the FAT file system with mtools, files of the
// ext4 one with debugfs. In: the path of an image. Out: what is in it. A tool that fails ends the work: nothing is taken for absent because it
// could not be read.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { BuildError } from '../../release/src/source.ts';
import { run } from './commands.ts';

const sectorBytes = 512;
const tableAt = 446;
const rowBytes = 16;

interface Partition {
  type: number;
  isBootable: boolean;
  offset: number;
  bytes: number;
}

export function bytesAt(file: string, offset: number, bytes: number): Buffer {
  const found = Buffer.alloc(bytes);
  const opened = openSync(file, 'r');
  try {
    const got = readSync(opened, found, 0, bytes, offset);
    if (got !== bytes) throw new BuildError(`${file}: expected ${bytes} bytes at ${offset}, got ${got}`);
    return found;
  } finally {
    closeSync(opened);
  }
}

/** @throws BuildError where there is no table */
export function partitionsOf(image: string): Partition[] {
  if (statSync(image).size < sectorBytes) throw new BuildError(`${image}: expected an image, got an empty file`);
  const sector = bytesAt(image, 0, sectorBytes);
  if (sector.readUInt16LE(510) !== 0xaa55) throw new BuildError(`${image}: expected a partition table, got none`);
  return [0, 1, 2, 3]
    .map((at) => sector.subarray(tableAt + at * rowBytes, tableAt + (at + 1) * rowBytes))
    .map((row) => ({
      isBootable: row[0] === 0x80,
      type: row[4] as number,
      offset: row.readUInt32LE(8) * sectorBytes,
      bytes: row.readUInt32LE(12) * sectorBytes,
    }))
    .filter(({ type }) => type !== 0);
}

export class Fat {
  readonly #at: string;

  constructor(image: string, offset: number) {
    this.#at = `${image}@@${offset}`;
  }
  /** Paths of all files, in the folders that they are in. */
  paths(): Set<string> {
    return new Set(
      run('mdir', ['-i', this.#at, '-/', '-b', '::'])
        .split('\n')
        .map((line) => line.replace(/^::\//, ''))
        .filter((path) => path !== '' && !path.endsWith('/')),
    );
  }
  text(path: string): string {
    return run('mtype', ['-i', this.#at, `::${path}`]);
  }
}

interface Entry {
  name: string;
  kind: 'file' | 'folder' | 'link';
  mode: number;
  uid: number;
  bytes: number;
}
const kinds: Readonly<Record<string, Entry['kind']>> = { '04': 'folder', '10': 'file', '12': 'link' };

export class Ext4 {
  readonly #at: string;

  constructor(image: string, offset: number) {
    this.#at = `${image}?offset=${offset}`;
    this.#ask('stats -h');
  }
  /** debugfs ends with 0 whatever happens: what it says on its second stream tells. Null: there is no such file. */
  #ask(question: string): string | null {
    const { status, stdout, stderr, error } = spawnSync('debugfs', ['-R', question, this.#at], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin', LC_ALL: 'C' },
    });
    const said = (stderr ?? '').replace(/^debugfs \d[^\n]*\n/, '').trim();
    if (/File not found by ext2_lookup/.test(said)) return null;
    if (error || status !== 0 || said !== '') throw new BuildError(`debugfs "${question}": ${error?.message ?? said}`);
    return stdout;
  }
  text(path: string): string | null {
    return this.#ask(`cat "${path}"`);
  }
  /** Null: there is no such folder. */
  entries(path: string): Entry[] | null {
    const said = this.#ask(`ls -p "${path}"`);
    if (said === null) return null;
    return said
      .split('\n')
      .map((line) => line.split('/'))
      .filter(([, , , , , name]) => name !== undefined && name !== '.' && name !== '..')
      .map(([, , mode = '', uid, , name = '', bytes]) => ({
        name,
        kind: kinds[mode.slice(0, 2)] ?? 'file',
        mode: Number.parseInt(mode.slice(-4), 8),
        uid: Number(uid),
        bytes: Number(bytes),
      }));
  }
  link(path: string): string | null {
    const about = this.#ask(`stat "${path}"`);
    return about === null ? null : (/Fast link dest: "([^"]*)"/.exec(about)?.[1] ?? null);
  }
}
