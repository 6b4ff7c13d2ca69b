// Signatures in the format of minisign: Ed25519, over a file's BLAKE2b-512 ("ED", what minisign makes today) or over the file itself ("Ed",
// the older form). In: the texts of a public key and of a signature, a file. Out: who signed it and the comment that is signed with it, or a
// SignatureError in words. It never sees a secret key.
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

export class SignatureError extends Error {
  override readonly name = 'SignatureError';
  /** It may be a good one, by a key that is not trusted here. */
  readonly isOfAnotherKey: boolean;
  constructor(message: string, isOfAnotherKey = false) {
    super(message);
    this.isOfAnotherKey = isOfAnotherKey;
  }
}
export interface PublicKey {
  /** As minisign prints it: the eight bytes of the file in reverse, in hex. */
  id: string;
  key: KeyObject;
  /** The line of the file that is the key: `minisign -P` takes it. */
  text: string;
}
interface Signature {
  keyId: string;
  isPrehashed: boolean;
  signature: Buffer;
  /** Signed together with `signature`. */
  trustedComment: string;
  globalSignature: Buffer;
}

/** A signature with both comments; a longer text is none. */
export const maxSignatureChars = 4096;
/** A file that is signed in the older form is read whole. */
const maxWholeBytes = 256 * 1024 * 1024;
/** What stands before the 32 bytes of an Ed25519 public key in DER [RFC 8410]. */
const derHead = Buffer.from('302a300506032b6570032100', 'hex');
const keyBytes = 42;
const signatureBytes = 74;
const globalBytes = 64;
const trustedHead = 'trusted comment: ';

export function keyIdOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).reverse().toString('hex').toUpperCase();
}

/** Strict, because two texts of one signature would be two signatures. */
function fromBase64(line: string | undefined, bytes: number, what: string): Buffer {
  const found = Buffer.from(line ?? '', 'base64');
  if (found.length === bytes && found.toString('base64') === line) return found;
  throw new SignatureError(
    `${what}: expected ${bytes} bytes in base64, got ${JSON.stringify(line ?? '').slice(0, 80)}`,
  );
}
function linesOf(text: string): string[] {
  return text.trimEnd().split(/\r?\n/);
}

/** The two lines of a `.pub` file, or its second alone. @throws SignatureError */
export function readPublicKey(text: string): PublicKey {
  const line = linesOf(text.slice(0, maxSignatureChars)).at(-1)?.trim();
  const bytes = fromBase64(line, keyBytes, 'public key');
  if (bytes.toString('latin1', 0, 2) !== 'Ed')
    throw new SignatureError('public key: expected one of minisign (Ed25519), got another kind');
  const key = createPublicKey({ key: Buffer.concat([derHead, bytes.subarray(10)]), format: 'der', type: 'spki' });
  return { id: keyIdOf(bytes.subarray(2, 10)), key, text: line as string };
}

/** The four lines of a `.minisig` file. @throws SignatureError */
export function readSignature(text: string): Signature {
  const lines = text.length <= maxSignatureChars ? linesOf(text) : [];
  const [untrusted = '', signed, trusted = '', global] = lines;
  if (lines.length !== 4 || !untrusted.startsWith('untrusted comment:') || !trusted.startsWith(trustedHead))
    throw new SignatureError('signature: expected the four lines of a .minisig file, got something else');
  const bytes = fromBase64(signed, signatureBytes, 'signature');
  const kind = bytes.toString('latin1', 0, 2);
  if (kind !== 'ED' && kind !== 'Ed')
    throw new SignatureError('signature: expected ED or Ed (Ed25519), got another kind');
  return {
    keyId: keyIdOf(bytes.subarray(2, 10)),
    isPrehashed: kind === 'ED',
    signature: bytes.subarray(10),
    trustedComment: trusted.slice(trustedHead.length),
    globalSignature: fromBase64(global, globalBytes, 'signature of the trusted comment'),
  };
}

/** What a signature of this kind signs of a file. */
async function messageOf(path: string, isPrehashed: boolean): Promise<Buffer> {
  if (isPrehashed) {
    const digest = createHash('blake2b512');
    await pipeline(createReadStream(path), digest);
    return digest.digest();
  }
  const { size } = await stat(path);
  if (size > maxWholeBytes)
    throw new SignatureError(
      `signature: expected the kind ED for a file of ${size} bytes, got Ed, which needs all of it in memory`,
    );
  return readFile(path);
}

/** Of these keys the one that it says it is by, which is not verified yet. @throws SignatureError */
export function namedKey({ keyId }: Signature, keys: readonly PublicKey[]): PublicKey {
  const key = keys.find(({ id }) => id === keyId);
  if (key) return key;
  const known = keys.map(({ id }) => id).join(', ') || 'none';
  throw new SignatureError(`signature: expected one by a trusted key (${known}), got one by ${keyId}`, true);
}

/** Of these keys the one that signed the trusted comment. @throws SignatureError */
function keyOf(signature: Signature, keys: readonly PublicKey[]): PublicKey {
  const key = namedKey(signature, keys);
  const global = Buffer.concat([signature.signature, Buffer.from(signature.trustedComment)]);
  if (!verify(null, global, key.key, signature.globalSignature))
    throw new SignatureError('signature: its trusted comment was changed');
  return key;
}
const changed = () => new SignatureError('signature: it is of another file, or the file was changed');

/** Rejects with SignatureError: by none of these keys, or of another file. */
export async function verifyFile(path: string, signature: Signature, keys: readonly PublicKey[]): Promise<PublicKey> {
  const key = keyOf(signature, keys);
  if (!verify(null, await messageOf(path, signature.isPrehashed), key.key, signature.signature)) throw changed();
  return key;
}

/** The same of bytes in memory. @throws SignatureError */
export function verifyBytes(content: Uint8Array, signature: Signature, keys: readonly PublicKey[]): PublicKey {
  const key = keyOf(signature, keys);
  const message = signature.isPrehashed ? createHash('blake2b512').update(content).digest() : content;
  if (!verify(null, message, key.key, signature.signature)) throw changed();
  return key;
}
