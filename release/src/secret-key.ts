// The secret key that signs releases, in the format of minisign's `minisign.key`: read, made and used here, and nowhere else. With a
// password it is encrypted as minisign does it (scrypt); without one it has minisign's form for `minisign -W`. In: a text and a password.
// Out: a key that signs. The password and the key are never printed.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, scryptSync, sign } from 'node:crypto';
import { keyIdOf, SignatureError } from '@blackroad/std/minisign';
import type { Random } from '@blackroad/std/random';
import { blake2b256 } from './blake2b-256.ts';

export interface SecretKey {
  id: Buffer;
  key: KeyObject;
  /** Of `id`, as minisign prints it. */
  name: string;
}

/** What stands before the 32 bytes of an Ed25519 secret key in DER [RFC 8410]. */
const derHead = Buffer.from('302e020100300506032b657004220420', 'hex');
/** libsodium's "sensitive": 1 GiB of memory, some seconds. */
const sensitive = { ops: 33_554_432n, memory: 1_073_741_824n };
const wholeBytes = 158;
const at = { kdf: 2, checksumKind: 4, salt: 6, ops: 38, memory: 46, secret: 54 };
const secretBytes = 104;
const none = Buffer.alloc(2);

function keyOf(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([derHead, seed]), format: 'der', type: 'pkcs8' });
}
function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
}

/** The rule of libsodium by which its two limits are parameters of scrypt. */
function scryptOf(ops: bigint, memory: bigint): { N: number; r: number; p: number; maxmem: number } {
  const r = 8;
  const [most, room] = [Number(ops), Number(memory)];
  const fits = (limit: number) => {
    let log = 1;
    while (log < 63 && 2 ** log <= limit / 2) log++;
    return log;
  };
  if (most < room / 32) return { N: 2 ** fits(Math.max(most, 32_768) / (r * 4)), r, p: 1, maxmem: 2 * room + 2 ** 20 };
  const log = fits(room / (r * 128));
  const p = Math.floor(Math.min(Math.max(most, 32_768) / 4 / 2 ** log, 0x3fffffff) / r);
  return { N: 2 ** log, r, p: Math.max(1, p), maxmem: 2 * room + 2 ** 20 };
}

/** Encrypts, and decrypts what is encrypted. */
function withPassword(secret: Buffer, password: string, salt: Buffer, ops: bigint, memory: bigint): Buffer {
  if (memory > sensitive.memory * 2n)
    throw new SignatureError(`secret key: expected one that opens with at most 2 GiB of memory, got ${memory} bytes`);
  const stream = scryptSync(password, salt, secretBytes, scryptOf(ops, memory));
  return Buffer.from(secret.map((byte, index) => byte ^ (stream[index] as number)));
}

/** Whether the key of this text needs a password. */
export function isEncrypted(text: string): boolean {
  return !bytesOf(text)
    .subarray(at.kdf, at.kdf + 2)
    .equals(none);
}
function bytesOf(text: string): Buffer {
  const bytes = Buffer.from(text.trimEnd().split(/\r?\n/).at(-1) ?? '', 'base64');
  if (bytes.length === wholeBytes && bytes.toString('latin1', 0, 2) === 'Ed') return bytes;
  throw new SignatureError('secret key: expected a file that `minisign -G` made, got something else');
}

/** @throws SignatureError where it is none, or the password is another one */
export function readSecretKey(text: string, password: string): SecretKey {
  const bytes = bytesOf(text);
  const held = bytes.subarray(at.secret);
  const plain = isEncrypted(text)
    ? withPassword(
        held,
        password,
        bytes.subarray(at.salt, at.ops),
        bytes.readBigUInt64LE(at.ops),
        bytes.readBigUInt64LE(at.memory),
      )
    : held;
  const id = Buffer.from(plain.subarray(0, 8));
  const key = keyOf(plain.subarray(8, 40));
  if (!publicBytes(key).equals(plain.subarray(40, 72)))
    throw new SignatureError('secret key: the password is another one, or the file is damaged');
  return { id, key, name: keyIdOf(id) };
}

/** `password` empty: the file alone is the secret. */
export function makeSecretKey(random: Random, password: string): { secret: string; public: string } {
  const id = Buffer.from(random.hex(8), 'hex');
  const key = keyOf(Buffer.from(random.hex(32), 'hex'));
  const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const pair = Buffer.concat([seed, publicBytes(key)]);
  const checksum = blake2b256(Buffer.concat([Buffer.from('Ed'), id, pair]));
  const plain = Buffer.concat([id, pair, checksum]);
  const salt = Buffer.from(random.hex(32), 'hex');
  const limits = Buffer.alloc(16);
  if (password !== '') {
    limits.writeBigUInt64LE(sensitive.ops, 0);
    limits.writeBigUInt64LE(sensitive.memory, 8);
  }
  const held = password === '' ? plain : withPassword(plain, password, salt, sensitive.ops, sensitive.memory);
  const kdf = password === '' ? none : Buffer.from('Sc');
  const file = Buffer.concat([Buffer.from('Ed'), kdf, Buffer.from('B2'), salt, limits, held]);
  const shown = Buffer.concat([Buffer.from('Ed'), id, publicBytes(key)]);
  const kind = password === '' ? 'unencrypted' : 'encrypted';
  return {
    secret: `untrusted comment: minisign ${kind} secret key\n${file.toString('base64')}\n`,
    public: `untrusted comment: minisign public key ${keyIdOf(id)}\n${shown.toString('base64')}\n`,
  };
}

/** The text of a `.minisig` file for these bytes. `comment` is signed too. */
export function signatureOf(bytes: Uint8Array, { id, key }: SecretKey, comment: string): string {
  const signature = sign(null, createHash('blake2b512').update(bytes).digest(), key);
  const global = sign(null, Buffer.concat([signature, Buffer.from(comment)]), key);
  const signed = Buffer.concat([Buffer.from('ED'), id, signature]).toString('base64');
  return `untrusted comment: signature of BlackRoad Fleet\n${signed}\ntrusted comment: ${comment}\n${global.toString('base64')}\n`;
}
