// Files that people upload for a memory: taken as objects, held while they are read, and removed where nothing names them.
import { basename } from 'node:path';
import { FleetError, maxDocumentNameChars, plainLine } from '@blackroad/protocol';
import type { ApiContext } from '../http/context.ts';
import type { Call } from '../http/handler.ts';
import { namedObjects } from '../memory/given.ts';

/** How many uploads have a file in their hands: it is not removed below them. */
const underWay = new Map<string, number>();
export function hold(sha256: string, by: 1 | -1): void {
  const count = (underWay.get(sha256) ?? 0) + by;
  if (count > 0) underWay.set(sha256, count);
  else underWay.delete(sha256);
}

/** Removes objects that no document has. */
export async function letGo(
  { coordinator, giving: { objects } }: ApiContext,
  hashes: readonly string[],
): Promise<void> {
  const named = namedObjects(coordinator.view);
  for (const sha256 of hashes) if (!named.has(sha256) && !underWay.has(sha256)) await objects.remove(sha256);
}

/** The `file` of a form, as an object. `expected`: in words, for a form without one. */
export async function takeFile(
  { context, request }: Pick<Call<'documentAdd' | 'memoryImport'>, 'context' | 'request'>,
  mostBytes: number,
  expected: string,
): Promise<{ name: string; sha256: string; bytes: number }> {
  if (!request.isMultipart()) throw wrong('headers: content-type: expected multipart/form-data, got another');
  const limits = { files: 1, fields: 4, fileSize: mostBytes + 1 };
  for await (const part of request.parts({ limits })) {
    if (part.type !== 'file') continue;
    if (part.fieldname !== 'file') {
      part.file.resume();
      continue;
    }
    const name = nameOf(part.filename);
    return { name, ...(await context.giving.objects.take(part.file, mostBytes)) };
  }
  throw wrong(`file: expected ${expected}, got nothing`);
}

/** Some browsers and programs send a path. */
function nameOf(given: string): string {
  const name = plainLine(basename(given.replaceAll('\\', '/')));
  return name === '' ? 'document' : name.slice(-maxDocumentNameChars).toWellFormed();
}

const wrong = (detail: string) => new FleetError('invalid-request', { detail });
