// The file of a backup as a stream: tar, compressed with zstd, encrypted to keys of age where there are any. In and out: folders and files,
// a piece at a time: no part of it is ever whole in memory.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { constants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { FleetError } from '@blackroad/protocol';
import { errnoSentence } from '@blackroad/std/errno';
import { Decrypter, Encrypter } from 'age-encryption';
import { create, Parser, type ReadEntry } from 'tar';

const ageMagic = 'age-encryption.org/';
const zstdMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** Writes `files` of `folder`, in this order, to `path`, which is on the disk when it resolves. */
export async function writeArchive(
  folder: string,
  files: readonly string[],
  path: string,
  recipients: readonly string[],
): Promise<void> {
  // In a file without owners and with one mode, a restore by another user is the same.
  const tar = create({ cwd: folder, portable: true, noDirRecurse: true, strict: true }, [...files]);
  const zstd = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  // A pack fails by an event, which its iterator throws.
  const packed = Readable.from(tar as unknown as AsyncIterable<Buffer>);
  const target = createWriteStream(path, { mode: 0o600, flush: true, flags: 'wx' });
  if (recipients.length === 0) return pipeline(packed, zstd, target);
  const compressing = pipeline(packed, zstd);
  const encrypting = pipeline(await encrypted(zstd, recipients), target);
  await Promise.all([compressing, encrypting]);
}

async function encrypted(source: Transform, recipients: readonly string[]): Promise<Readable> {
  const encrypter = new Encrypter();
  for (const recipient of recipients) encrypter.addRecipient(recipient);
  const stream = await encrypter.encrypt(Readable.toWeb(source) as unknown as ReadableStream<Uint8Array>);
  return Readable.fromWeb(stream as unknown as WebStream);
}

/**
 * Gives each entry of an archive, one after the other; `take` reads the entry to its end. `identities`: the text of a file of age.
 * @throws FleetError in words for people
 */
export async function readArchive(
  path: string,
  identities: string | null,
  take: (entry: ReadEntry) => Promise<void>,
): Promise<void> {
  let work: Promise<void> = Promise.resolve();
  let failed: { error: unknown } | null = null;
  const parser = new Parser({ strict: true });
  parser.on('entry', (entry: ReadEntry) => {
    // The parser goes on with the next entry when this one was read.
    work = work
      .then(() => (failed ? void entry.resume() : take(entry)))
      .catch((error: unknown) => {
        failed ??= { error };
        entry.resume();
      });
  });
  const ended = once(parser, 'end');
  ended.catch(() => {}); // awaited below, unless reading fails first
  try {
    const tar = await tarOf(path, identities);
    for await (const piece of tar) {
      if (failed) break;
      if (!parser.write(piece as Buffer)) await Promise.race([once(parser, 'drain'), ended]);
    }
    if (!failed) {
      parser.end();
      await ended;
    }
    await work;
  } catch (cause) {
    if (cause instanceof FleetError) throw cause;
    throw unreadable(path, cause) ?? damaged(path, (cause as Error).message, cause);
  }
  if (failed) throw (failed as { error: unknown }).error;
}

/** Null: the file could be read. One that is not there, or not for this user, is not damaged. */
function unreadable(path: string, cause: unknown): FleetError | null {
  if ((cause as NodeJS.ErrnoException).code === 'ENOENT')
    return new FleetError('invalid-request', { detail: `${path}: there is no such file.` }, { cause });
  const detail = errnoSentence(cause);
  if (detail === null) return null;
  return new FleetError(
    'storage-failed',
    { detail: detail.startsWith(path) ? detail : `${path}: ${detail}` },
    { cause },
  );
}

export function damaged(path: string, why: string, cause?: unknown): FleetError {
  return new FleetError('conflict', { detail: `${path} is damaged: ${why}. Take another backup.` }, { cause });
}

async function tarOf(path: string, identities: string | null): Promise<Readable> {
  const head = await headOf(path);
  const isEncrypted = head.toString('latin1').startsWith(ageMagic);
  if (!isEncrypted && !head.subarray(0, 4).equals(zstdMagic))
    throw new FleetError('conflict', { detail: `${path}: this is no backup of BlackRoad Fleet.` });
  if (isEncrypted && identities === null)
    throw new FleetError('invalid-request', {
      detail: `${path} is encrypted: give the file with the identity that opens it (--age-identity <file>).`,
    });
  const file = createReadStream(path);
  const zstd = createZstdDecompress();
  const source = isEncrypted ? await decrypted(file, path, identities as string) : file;
  source.on('error', (error: Error) => zstd.destroy(error));
  zstd.on('close', () => source.destroy());
  return source.pipe(zstd);
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(ageMagic.length), 0, ageMagic.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function decrypted(file: Readable, path: string, identities: string): Promise<Readable> {
  const decrypter = new Decrypter();
  for (const line of identities.split('\n')) {
    const text = line.trim();
    if (text === '' || text.startsWith('#')) continue;
    try {
      decrypter.addIdentity(text);
    } catch {
      // The line is a secret.
      throw new FleetError('invalid-request', {
        detail: '--age-identity: expected lines that begin with AGE-SECRET-KEY-, got another.',
      });
    }
  }
  try {
    const stream = await decrypter.decrypt(Readable.toWeb(file) as unknown as ReadableStream<Uint8Array>);
    return Readable.fromWeb(stream as unknown as WebStream);
  } catch (cause) {
    file.destroy();
    const isOther = /identity|identities/i.test((cause as Error).message);
    if (!isOther) throw damaged(path, (cause as Error).message, cause);
    throw new FleetError(
      'conflict',
      { detail: `${path} is encrypted to another key: no identity in the given file opens it.` },
      { cause },
    );
  }
}

/** The text of a file with identities. */
export async function readIdentities(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new FleetError('invalid-request', { detail: `--age-identity: ${(cause as Error).message}` }, { cause });
  }
}
