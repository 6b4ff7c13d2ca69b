// The digest by which secrets, keys, certificates and machines are known: SHA-256 in lower-case hex.
import { createHash } from 'node:crypto';

export function sha256Hex(of: string | Uint8Array): string {
  return createHash('sha256').update(of).digest('hex');
}
