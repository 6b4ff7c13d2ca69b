// A tree as a tar archive that is the same byte for byte wherever and whenever it is made: sorted, of root, with one time, and with the modes
// 0644 and 0755 alone. Long paths have the form of GNU tar: dpkg knows no other.

import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { sortedPaths, type Tree } from './tree.ts';

const blockBytes = 512;
/** A longer name stands before its entry. */
const nameBytes = 100;
const modes = { file: 0o644, program: 0o755, folder: 0o755, link: 0o777 };

interface Header {
  path: string;
  kind: '0' | '2' | '5' | 'K' | 'L';
  mode: number;
  bytes: number;
  epochS: number;
  target?: string;
  owner?: number;
}

function padded(content: Buffer): Buffer[] {
  const over = content.length % blockBytes;
  return over === 0 ? [content] : [content, Buffer.alloc(blockBytes - over)];
}
function headerOf({ path, kind, mode, bytes, epochS, target = '', owner = 0 }: Header): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  block.write(path, 0, nameBytes);
  octal(mode, 100, 7);
  octal(owner, 108, 7);
  octal(owner, 116, 7);
  octal(bytes, 124, 11);
  octal(epochS, 136, 11);
  block.write('        ', 148, 'latin1');
  block.write(kind, 156, 'latin1');
  block.write(target, 157, nameBytes);
  block.write('ustar  \0', 257, 'latin1');
  if (owner === 0) for (const at of [265, 297]) block.write('root', at, 'latin1');
  octal(0, 329, 7);
  octal(0, 337, 7);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return block;
}
interface TarOptions {
  /** The folder that everything is in, with a slash at its end. */
  root?: string;
  /** The path that comes before all others. */
  first?: string;
}

export function tarOf(tree: Tree, epochS: number, { root = '', first }: TarOptions = {}): Buffer {
  const found: Buffer[] = [];
  const add = (header: Omit<Header, 'epochS'>, content: Buffer = Buffer.alloc(0)) => {
    const { path, target = '' } = header;
    for (const [kind, long] of [
      ['K', target],
      ['L', path],
    ] as const) {
      if (Buffer.byteLength(long) <= nameBytes) continue;
      const name = Buffer.from(`${long}\0`);
      found.push(headerOf({ path: '././@LongLink', kind, mode: 0, bytes: name.length, epochS: 0 }), ...padded(name));
    }
    found.push(headerOf({ ...header, epochS }), ...padded(content));
  };
  if (root !== '') add({ path: root, kind: '5', mode: modes.folder, bytes: 0 });
  const rank = (path: string) => (path === first ? 1 : first?.startsWith(`${path}/`) ? 0 : 2);
  const paths = sortedPaths(tree).sort((a, b) => rank(a.path) - rank(b.path));
  for (const { path, node } of paths) {
    const name = `${root}${path}`;
    if (node === null) add({ path: `${name}/`, kind: '5', mode: modes.folder, bytes: 0 });
    else if ('folder' in node) add({ path: `${name}/`, kind: '5', mode: node.folder, bytes: 0, owner: node.owner });
    else if ('link' in node) add({ path: name, kind: '2', mode: modes.link, bytes: 0, target: node.link });
    else {
      const { content, isProgram } = node;
      add({ path: name, kind: '0', mode: isProgram ? modes.program : modes.file, bytes: content.length }, content);
    }
  }
  return Buffer.concat([...found, Buffer.alloc(2 * blockBytes)]);
}

/** Node writes no time and no name into the head of a gzip file. */
export function gzipped(bytes: Buffer): Promise<Buffer> {
  return promisify<Buffer, { level: number }, Buffer>(gzip)(bytes, { level: constants.Z_DEFAULT_COMPRESSION });
}
