// The key that signs checkpoints of memories: Ed25519, in the folder of the CA's keys, so that it is in every backup. In: that folder. Out: a
// function that signs, and the public key. It signs nothing but checkpoints; the key of the CA is another one, of another kind and for other
// readers. A lost key is replaced, and nodes tell that: they hold checkpoints under the one before. [decision 34]
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { type Checkpoint, FleetError, type SignedCheckpoint, signedText } from '@blackroad/protocol';
import { readSecret, writeSecret } from '../ca/files.ts';

export interface SigningKey {
  /** SPKI in DER, base64. */
  publicKey: string;
  sign(checkpoint: Checkpoint): SignedCheckpoint;
}

const fileName = 'memory-key.pem';

export function openSigningKey(dir: string): SigningKey {
  const path = join(dir, fileName);
  const pem = readSecret(path);
  if (pem) return signerOf(readKey(pem, path));
  const { privateKey } = generateKeyPairSync('ed25519');
  writeSecret(path, privateKey.export({ format: 'pem', type: 'pkcs8' }));
  return signerOf(privateKey);
}

function readKey(pem: Buffer, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
    throw new Error(`it is of type ${key.asymmetricKeyType}`);
  } catch (cause) {
    const detail = `${path} is no Ed25519 key: restore it from a backup, or remove it to have another one made, which nodes will tell (${(cause as Error).message})`;
    throw new FleetError('storage-failed', { detail }, { cause });
  }
}
function signerOf(key: KeyObject): SigningKey {
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64');
  return {
    publicKey,
    sign: (checkpoint) => ({
      ...checkpoint,
      key: publicKey,
      signature: sign(null, Buffer.from(signedText(checkpoint)), key).toString('base64'),
    }),
  };
}
