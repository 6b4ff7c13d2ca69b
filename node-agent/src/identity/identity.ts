// The identity of this node: its key, its certificate, the CA it trusts and the coordinator's address, in one file of the data folder. Two
// generations are kept, each written completely and fsynced before it gets its name, so that a usable one survives a power cut at any
// moment. The key never leaves the file: it is not logged, not sent, readable by its owner alone.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { explain, FleetError, NodeId, type Static, Type } from '@blackroad/protocol';
import { syncFolder } from '@blackroad/std/sync-folder';

export const Identity = Type.Object({
  node: NodeId,
  key: Type.String({ description: 'PEM, PKCS#8, EC P-256.' }),
  certificate: Type.String({ description: 'PEM, CN is the node id.' }),
  ca: Type.String({ description: 'PEM of the one CA that is trusted.' }),
  caFingerprint: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  issuedMs: Type.Number({ description: "When the certificate was issued, by the coordinator's clock." }),
  expiresMs: Type.Number(),
  url: Type.String({ description: 'HTTPS address of the coordinator, from the join token.' }),
  mqtt: Type.Object({ host: Type.String(), port: Type.Integer() }),
  class: Type.String(),
  classDetected: Type.Optional(
    Type.Boolean({
      description:
        'Neither a person nor the join token named the class: the hardware does, also when it is found later.',
    }),
  ),
  site: Type.String(),
});
export type Identity = Static<typeof Identity>;

const currentFile = 'identity.json';
const previousFile = 'identity.previous.json';

/** The newest usable generation; null where this machine never joined. Throws `storage-failed` when files exist and none is usable. */
export function loadIdentity(dir: string): Identity | null {
  const faults: string[] = [];
  for (const name of [currentFile, previousFile]) {
    const path = join(dir, name);
    if (!existsSync(path)) continue;
    const found = readIdentity(path);
    if (typeof found !== 'string') return found;
    faults.push(`${name}: ${found}`);
  }
  if (faults.length === 0) return null;
  throw new FleetError('storage-failed', {
    detail: `The identity in ${dir} is damaged (${faults.join('; ')}). Join again with a fresh token: the machine is known by its hardware and keeps its name.`,
  });
}

/** Stores a generation; the previous one stays as the fallback. */
export function saveIdentity(dir: string, identity: Identity): void {
  const fault = faultOf(identity);
  if (fault) throw new FleetError('internal', { detail: `an unusable identity is not stored: ${fault}` });
  const current = join(dir, currentFile);
  // A damaged current file must not replace a good previous one.
  const keepCurrent = existsSync(current) && typeof readIdentity(current) !== 'string';
  writeWhole(dir, `${currentFile}.new`, `${JSON.stringify(identity, null, 2)}\n`);
  if (keepCurrent) renameSync(current, join(dir, previousFile));
  renameSync(join(dir, `${currentFile}.new`), current);
  syncFolder(dir);
}

/** Writes a private file: it is complete and on the disk, or has not this name. */
export function savePrivate(dir: string, name: string, text: string): void {
  writeWhole(dir, `${name}.new`, text);
  renameSync(join(dir, `${name}.new`), join(dir, name));
  syncFolder(dir);
}

/** The identity in a file, or the fault of the file. */
function readIdentity(path: string): Identity | string {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return faultOf(value) ?? (value as Identity);
  } catch (cause) {
    return (cause as Error).message;
  }
}

function faultOf(value: unknown): string | null {
  const shape = explain(Identity, value);
  if (shape) return shape;
  const { key, certificate, ca } = value as Identity;
  try {
    new X509Certificate(ca);
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
      return 'certificate: does not belong to the key';
    }
  } catch (cause) {
    return `key, certificate or ca: ${(cause as Error).message}`;
  }
  return null;
}

function writeWhole(dir: string, name: string, text: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, name);
  rmSync(path, { force: true });
  const file = openSync(path, 'wx', 0o600);
  try {
    // The umask reduces the mode given to open; a wider default ACL of the folder is not reduced.
    chmodSync(path, 0o600);
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
