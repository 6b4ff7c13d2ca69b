// A whole stream of xz whose content is not compressed, so that its length follows from the length of the content alone: in a file of several
// streams, which readers of xz take as one, this one can be exchanged and all others stay where they are. The format is that of The .xz File
// Format 1.2 (numbers in brackets are its sections) with LZMA2's chunks without compression. Pure.
import { crc32 } from 'node:zlib';

const headMagic = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const footMagic = Buffer.from('YZ');
/** The check of the content is CRC32 [2.1.1.2]. */
const flags = Buffer.from([0x00, 0x01]);
/** One filter, LZMA2 with a dictionary of 64 KiB [3.1, 5.3.1], filled up to 8 bytes. */
const blockHead = Buffer.from([0x02, 0x00, 0x21, 0x01, 0x08, 0x00, 0x00, 0x00]);
const headBytes = 12;
const blockHeadBytes = 12;
const checkBytes = 4;
/** More does not fit one chunk. */
const chunkBytes = 64 * 1024;
/** Before the bytes of a chunk: what it is, and their number less one in two bytes. */
const chunkHeadBytes = 3;
/** What a chunk is: the first one resets the dictionary. */
const kinds = { first: 0x01, next: 0x02, end: 0x00 };

const filled = (bytes: number) => Math.ceil(bytes / 4) * 4;

function crc(of: Uint8Array): Buffer {
  const four = Buffer.alloc(4);
  four.writeUInt32LE(crc32(of));
  return four;
}

/** Seven bits a byte, the lowest first; all but the last byte have the highest bit [1.2]. */
function number(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...number(Math.floor(value / 0x80))];
}

function chunksOf(content: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += chunkBytes) {
    const part = content.subarray(at, at + chunkBytes);
    const last = part.length - 1;
    parts.push(Buffer.from([at === 0 ? kinds.first : kinds.next, last >> 8, last & 0xff]), part);
  }
  return Buffer.concat([...parts, Buffer.from([kinds.end])]);
}

/** The list of blocks: there is one [4]. */
function indexOf(unpaddedBytes: number, contentBytes: number): Buffer {
  const list = Buffer.from([0x00, 0x01, ...number(unpaddedBytes), ...number(contentBytes)]);
  const whole = Buffer.alloc(filled(list.length));
  list.copy(whole);
  return Buffer.concat([whole, crc(whole)]);
}

/** @throws RangeError without content */
export function storedXz(content: Uint8Array): Buffer {
  if (content.length === 0) throw new RangeError('content: expected at least one byte, got none');
  const chunks = chunksOf(content);
  const index = indexOf(blockHeadBytes + chunks.length + checkBytes, content.length);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(index.length / 4 - 1);
  const foot = Buffer.concat([size, flags]);
  return Buffer.concat([
    ...[headMagic, flags, crc(flags)],
    ...[blockHead, crc(blockHead), chunks, Buffer.alloc(filled(chunks.length) - chunks.length), crc(content)],
    ...[index, crc(foot), foot, footMagic],
  ]);
}

/** The length of `storedXz` for a content of so many bytes. */
export function storedXzBytes(contentBytes: number): number {
  const chunks = Math.ceil(contentBytes / chunkBytes) * chunkHeadBytes + contentBytes + 1;
  const index = indexOf(blockHeadBytes + chunks + checkBytes, contentBytes).length;
  return headBytes + blockHeadBytes + filled(chunks) + checkBytes + index + headBytes;
}

/** The content of such a stream; null: the bytes are none of so many bytes of content. */
export function readStoredXz(stream: Uint8Array, contentBytes: number): Buffer | null {
  if (contentBytes < 1 || stream.length !== storedXzBytes(contentBytes)) return null;
  const parts: Uint8Array[] = [];
  let at = headBytes + blockHeadBytes;
  for (let left = contentBytes; left > 0; left -= chunkBytes) {
    const bytes = Math.min(left, chunkBytes);
    parts.push(stream.subarray(at + chunkHeadBytes, at + chunkHeadBytes + bytes));
    at += chunkHeadBytes + bytes;
  }
  const content = Buffer.concat(parts);
  return storedXz(content).equals(stream) ? content : null;
}
