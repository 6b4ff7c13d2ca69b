// Signed checkpoints that cover logs of this node: evidence against a coordinator that would show another history later, as it is against a
// node that would. In: what the coordinator says of a log, what this node holds of it, and its own entries. Out: null where all of it fits,
// else the contradiction in words. Pure. [INV-chain]
import { isSigned, logLeaf, type MemoryDown, rootBy } from '@blackroad/protocol';

export type Anchor = Extract<MemoryDown, { type: 'anchor' }>;
/** The form in which one is kept. */
export type HeldAnchor = Pick<Anchor, 'log' | 'checkpoint'>;

/**
 * `held`: the kept ones of this log, the newest first. `key`: the one that signed the first checkpoint this node ever took; null: none yet.
 * `hashAt`: the hash of this node's own entry; null where it has none.
 */
export function contradictionOf(
  { log, path, checkpoint }: Anchor,
  held: readonly HeldAnchor[],
  key: string | null,
  hashAt: (seq: number) => string | null,
): string | null {
  const at = `checkpoint ${checkpoint.number}`;
  if (!isSigned(checkpoint)) return `the signature of ${at} does not hold`;
  if (key !== null && checkpoint.key !== key) return `${at} is signed by another key than those before`;
  if (rootBy(logLeaf(log), path) !== checkpoint.root) return `the root of ${at} does not have this log`;
  for (const { log: then, checkpoint: earlier } of held) {
    if (earlier.number === checkpoint.number && earlier.signature !== checkpoint.signature)
      return `there are two checkpoints ${checkpoint.number}, both of them signed`;
    const [before, after] = earlier.number <= checkpoint.number ? [then, log] : [log, then];
    if (after.entries < before.entries)
      return `${at} has ${log.entries} entries of this log, checkpoint ${earlier.number} has ${then.entries}`;
    if (after.entries === before.entries && after.head !== before.head)
      return `${at} has another entry ${log.entries} than checkpoint ${earlier.number}`;
    const own = hashAt(then.entries);
    if (own !== null && own !== then.head)
      return `entry ${then.entries} of this node is not the one under checkpoint ${earlier.number}`;
  }
  const own = hashAt(log.entries);
  if (own !== null && own !== log.head) return `${at} has another entry ${log.entries} than this node`;
  return null;
}
