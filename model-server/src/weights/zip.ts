// Extracts single members of a zip file (a Python wheel) without unpacking the rest and without a tool. In: the zip's path, the member, the
// target path. It reads the central directory at the file's end, as the format requires.
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const maxCommentBytes = 65_535;
const maxDirectoryBytes = 16 * 1024 * 1024;

interface Member {
  name: string;
  method: number;
  compressedBytes: number;
  headerOffset: number;
}

/** Writes `member` of the zip at `zipPath` to `target`. Throws an Error in plain words when the zip is damaged or does not contain it. */
export async function extractMember(
  zipPath: string,
  member: string,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const file = await open(zipPath, 'r');
  let start: number;
  let found: Member;
  try {
    const members = await directoryOf(file, zipPath);
    const wanted = members.find((each) => each.name === member);
    if (!wanted) throw new Error(`${zipPath} does not hold ${member}`);
    found = wanted;
    const local = Buffer.alloc(30);
    await file.read(local, 0, 30, found.headerOffset);
    if (local.readUInt32LE(0) !== localSignature) throw damaged(zipPath);
    // The local header repeats the name and has an extra field of its own length.
    start = found.headerOffset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  } finally {
    await file.close();
  }
  const source = createReadStream(zipPath, {
    start,
    end: start + found.compressedBytes - 1,
    highWaterMark: 256 * 1024,
  });
  const sink = createWriteStream(target);
  if (found.method === 0) await pipeline(source, sink, { signal });
  else if (found.method === 8) await pipeline(source, createInflateRaw({ chunkSize: 256 * 1024 }), sink, { signal });
  else throw new Error(`${zipPath}: ${member} is packed with method ${found.method}, expected 0 or 8`);
}

async function directoryOf(file: FileHandle, path: string): Promise<Member[]> {
  const size = (await file.stat()).size;
  const tail = Buffer.alloc(Math.min(size, endBytes + maxCommentBytes));
  await file.read(tail, 0, tail.length, size - tail.length);
  let at = tail.length - endBytes;
  while (at >= 0 && tail.readUInt32LE(at) !== endSignature) at--;
  if (at < 0) throw damaged(path);
  const count = tail.readUInt16LE(at + 10);
  const directoryBytes = tail.readUInt32LE(at + 12);
  const offset = tail.readUInt32LE(at + 16);
  if (directoryBytes > maxDirectoryBytes || offset + directoryBytes > size) throw damaged(path);
  const directory = Buffer.alloc(directoryBytes);
  await file.read(directory, 0, directoryBytes, offset);
  const members: Member[] = [];
  let entry = 0;
  for (let i = 0; i < count; i++) {
    if (entry + 46 > directoryBytes || directory.readUInt32LE(entry) !== entrySignature) throw damaged(path);
    const nameBytes = directory.readUInt16LE(entry + 28);
    members.push({
      method: directory.readUInt16LE(entry + 10),
      compressedBytes: directory.readUInt32LE(entry + 20),
      name: directory.toString('utf8', entry + 46, entry + 46 + nameBytes),
      headerOffset: directory.readUInt32LE(entry + 42),
    });
    entry += 46 + nameBytes + directory.readUInt16LE(entry + 30) + directory.readUInt16LE(entry + 32);
  }
  return members;
}

const damaged = (path: string) => new Error(`${path} is no zip file or is cut`);
