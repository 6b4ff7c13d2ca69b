// Checkpoints of memories: one Merkle root over all logs as they stood, signed by the coordinator with a key of its own. The tree of an agent
// has the hashes of its entries as leaves; the tree of the fleet has one leaf for each agent. What is signed, and how, only here. [decision 34]
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import { AgentId, Hash, Seq, TimeMs } from './ids.ts';
import { maxOrdinal } from './limits.ts';
import { leafOf } from './merkle.ts';
import { type Static, Type } from './typebox.ts';

export const Checkpoint = Type.Object({
  number: Type.Integer({ minimum: 1, maximum: maxOrdinal }),
  atMs: TimeMs,
  agents: Type.Integer({ minimum: 1, maximum: maxOrdinal, description: 'Logs that the tree has.' }),
  entries: Type.Integer({ minimum: 1, maximum: maxOrdinal, description: 'Entries of all of them.' }),
  root: Hash,
  previous: Hash,
});
export type Checkpoint = Static<typeof Checkpoint>;

export const SignedCheckpoint = Type.Object({
  ...Checkpoint.properties,
  key: Type.String({ pattern: '^[A-Za-z0-9+/]{59}=$', description: 'The public key: Ed25519, SPKI in DER, base64.' }),
  signature: Type.String({ pattern: '^[A-Za-z0-9+/]{86}==$', description: 'Base64.' }),
});
export type SignedCheckpoint = Static<typeof SignedCheckpoint>;

/** How one log stood at a checkpoint: the leaf of the fleet's tree. */
export const AnchoredLog = Type.Object({
  agent: AgentId,
  entries: Seq,
  head: Hash,
  root: Hash,
});
export type AnchoredLog = Static<typeof AnchoredLog>;

/** The first line of what is signed: a signature under anything else of the fleet never passes for one of a checkpoint. */
const signedHead = 'blackroad-memory-checkpoint/1\n';

export function signedText({ number, atMs, agents, entries, root, previous }: Checkpoint): string {
  return `${signedHead}${canonicalJson({ number, atMs, agents, entries, root, previous })}`;
}
/** By which the next checkpoint names this one. */
export function checkpointHash(checkpoint: Checkpoint): string {
  return createHash('sha256').update(signedText(checkpoint)).digest('hex');
}
export function isSigned(checkpoint: SignedCheckpoint): boolean {
  const signature = Buffer.from(checkpoint.signature, 'base64');
  try {
    return verify(null, Buffer.from(signedText(checkpoint)), publicKeyOf(checkpoint.key), signature);
  } catch {
    // It is no key of this kind.
    return false;
  }
}
function publicKeyOf(text: string): KeyObject {
  const key = createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
  if (key.asymmetricKeyType !== 'ed25519') throw new Error(`a key of ${key.asymmetricKeyType}`);
  return key;
}

/** The leaf of an entry in the tree of its agent. */
export function entryLeaf(hash: string): string {
  return leafOf(Buffer.from(hash, 'hex'));
}
/** The leaf of a log in the tree of the fleet. */
export function logLeaf({ agent, entries, head, root }: AnchoredLog): string {
  return leafOf(canonicalJson({ agent, entries, head, root }));
}
