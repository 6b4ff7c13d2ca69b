// Reads a backup to its end: every file of its manifest must be there, with the bytes and the hash that the manifest says, and no other. In:
// the file, an identity of age where it is encrypted. Out: its manifest, and the files in a folder where one is given. A tampered or a cut
// file is refused in words.
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FleetError } from '@blackroad/protocol';
import { freeBytesOf } from '@blackroad/std/free-bytes';
import type { ReadEntry } from 'tar';
import { newestVersion } from '../store/sqlite/migrations.ts';
import { damaged, readArchive } from './archive.ts';
import { type Manifest, manifestName, maxManifestBytes, readManifest } from './manifest.ts';

/** `into`: null: the backup is only checked. */
export async function unpack(path: string, identities: string | null, into: string | null): Promise<Manifest> {
  let manifest: Manifest | null = null;
  const left = new Map<string, Manifest['files'][number]>();
  await readArchive(path, identities, async (entry) => {
    if (manifest === null) {
      if (entry.path !== manifestName)
        throw new FleetError('conflict', { detail: `${path}: this is no backup of BlackRoad Fleet.` });
      manifest = readManifest(await textOf(entry, path), path, newestVersion);
      for (const file of manifest.files) left.set(file.path, file);
      if (into !== null) await refuseFullDisk(into, manifest);
      return;
    }
    const file = left.get(entry.path);
    if (!file || entry.type !== 'File')
      throw damaged(path, `it has ${JSON.stringify(entry.path)}, which its manifest does not name`);
    left.delete(file.path);
    if (entry.size !== file.bytes)
      throw damaged(path, `${file.path} has ${entry.size} bytes, its manifest says ${file.bytes}`);
    const hash = createHash('sha256');
    const hashing = new Transform({
      transform(chunk, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
    });
    await pipeline(Readable.from(piecesOf(entry)), hashing, await targetOf(into, file.path));
    if (hash.digest('hex') !== file.sha256) throw damaged(path, `${file.path} is not what its manifest says`);
  });
  const [missing] = left.keys();
  if (manifest === null) throw damaged(path, 'it is empty');
  if (missing !== undefined) throw damaged(path, `it ends before ${missing}`);
  return manifest;
}

function piecesOf(entry: ReadEntry): AsyncIterable<Buffer> {
  return entry as unknown as AsyncIterable<Buffer>;
}

async function textOf(entry: ReadEntry, path: string): Promise<string> {
  if (entry.size > maxManifestBytes) throw damaged(path, `its manifest has ${entry.size} bytes`);
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(entry)) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

async function targetOf(into: string | null, name: string): Promise<Writable> {
  if (into === null) return new Writable({ write: (_chunk, _encoding, done) => done() });
  const target = join(into, name);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  return createWriteStream(target, { mode: 0o600, flush: true, flags: 'wx' });
}

async function refuseFullDisk(folder: string, { files }: Manifest): Promise<void> {
  const needs = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const free = freeBytesOf(await statfs(folder));
  if (free >= needs) return;
  throw new FleetError('storage-failed', {
    detail: `${folder}: the files of the backup need ${mib(needs)} MiB, and ${mib(free)} MiB are free. Free some space, or restore elsewhere.`,
  });
}
const mib = (bytes: number) => Math.ceil(bytes / 1024 ** 2);
