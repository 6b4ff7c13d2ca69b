// The digest that identifies secrets, keys, certificates and machines: SHA-256 in lower-case hex.
import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';

export function sha256Hex(of: string | Uint8Array): string {
  return hash('sha256', of, 'hex');
}

export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const found = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), found, { signal });
  return found.digest('hex');
}
