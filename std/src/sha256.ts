// The digest that identifies secrets, keys, certificates and machines: SHA-256 in lower-case hex.
import { hash } from 'node:crypto';

export function sha256Hex(of: string | Uint8Array): string {
  return hash('sha256', of, 'hex');
}
