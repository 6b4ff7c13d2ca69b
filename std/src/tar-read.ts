// Reads a tar archive as it comes: ustar with the long names of GNU tar and pax. In: bytes. Out: entries in their order, each with its
// content, which must be taken before the next entry is asked for (what is left is skipped). It writes nothing: where an entry may go is
// decided by whoever unpacks, who asks `isInside`.
interface TarEntry {
  path: string;
  type: 'file' | 'folder' | 'link';
  /** Permission bits. */
  mode: number;
  bytes: number;
  /** Where a symbolic link leads. */
  target: string;
  content: AsyncIterable<Buffer>;
}
class TarError extends Error {
  override readonly name = 'TarError';
}

const blockBytes = 512;
/** Of a name or of a pax header: longer ones are refused. */
const maxNameBytes = 64 * 1024;
const kinds: Readonly<Record<string, TarEntry['type']>> = { '0': 'file', '\0': 'file', '5': 'folder', '2': 'link' };

/** Whether a path stays below the folder that it is unpacked in. */
export function isInside(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..');
}

/** The bytes of a stream in pieces as long as they are asked for. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }
  /** At least one byte and at most `bytes`; null at the end. */
  async some(bytes: number): Promise<Buffer | null> {
    while (this.#held.length === 0) {
      const { value, done } = await this.#source.next();
      if (done) return null;
      this.#held = Buffer.from(value.buffer, value.byteOffset, value.length);
    }
    const piece = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }
  async exactly(bytes: number): Promise<Buffer> {
    const found: Buffer[] = [];
    for (let left = bytes; left > 0; ) {
      const piece = await this.some(left);
      if (piece === null) throw new TarError('archive: it ends too early');
      found.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(found);
  }
}

const textAt = (block: Buffer, from: number, bytes: number) =>
  block.toString('utf8', from, from + bytes).split('\0')[0] as string;
function numberAt(block: Buffer, from: number, bytes: number): number {
  const text = textAt(block, from, bytes).trim();
  if (/^[0-7]*$/.test(text)) return Number.parseInt(text || '0', 8);
  throw new TarError('archive: a header has no number where one is expected');
}
/** The sum of a header, with spaces in place of the sum itself. */
function isHeader(block: Buffer): boolean {
  let sum = 8 * 0x20;
  for (let at = 0; at < blockBytes; at++) if (at < 148 || at >= 156) sum += block[at] as number;
  return sum === numberAt(block, 148, 8);
}
/** `30 path=a/b\n`, once and again. */
function paxOf(bytes: Buffer): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of bytes.toString('utf8').split('\n')) {
    const [, key, value] = /^\d+ ([^=]+)=(.*)$/s.exec(line) ?? [];
    if (key !== undefined && value !== undefined) found[key] = value;
  }
  return found;
}

/** @throws TarError */
export async function* tarEntries(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const pieces = new Pieces(source);
  let long: { path?: string; linkpath?: string } = {};
  for (;;) {
    const first = await pieces.some(blockBytes);
    if (first === null) return;
    const block = Buffer.concat([first, await pieces.exactly(blockBytes - first.length)]);
    if (block.every((byte) => byte === 0)) return;
    if (!isHeader(block)) throw new TarError('archive: expected a tar header, got something else');
    const bytes = numberAt(block, 124, 12);
    const padding = (blockBytes - (bytes % blockBytes)) % blockBytes;
    const kind = block.toString('latin1', 156, 157);
    if ('xgLK'.includes(kind)) {
      if (bytes > maxNameBytes) throw new TarError('archive: a name is too long');
      const content = (await pieces.exactly(bytes + padding)).subarray(0, bytes);
      if (kind === 'x') long = { ...long, ...paxOf(content) };
      else if (kind !== 'g') long[kind === 'L' ? 'path' : 'linkpath'] = textAt(content, 0, bytes);
      continue;
    }
    const type = kinds[kind];
    if (type === undefined)
      throw new TarError(`archive: expected files, folders and links, got an entry of kind ${JSON.stringify(kind)}`);
    const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textAt(block, 345, 155) : '';
    const short = textAt(block, 0, 100);
    let left = bytes;
    const content = (async function* () {
      while (left > 0) {
        const piece = await pieces.some(left);
        if (piece === null) throw new TarError('archive: it ends too early');
        left -= piece.length;
        yield piece;
      }
    })();
    yield {
      path: long.path ?? (prefix === '' ? short : `${prefix}/${short}`),
      type,
      mode: numberAt(block, 100, 8) & 0o7777,
      bytes,
      target: long.linkpath ?? textAt(block, 157, 100),
      content,
    };
    long = {};
    for await (const _ of content); // what nobody took
    await pieces.exactly(padding);
  }
}
