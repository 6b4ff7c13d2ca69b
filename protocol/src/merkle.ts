// Merkle trees over memories, in the form of RFC 6962: leaves and nodes are hashed with different first bytes, so that neither passes for the
// other, and a tree of any size has one shape. In and out: SHA-256 in lower-case hex. Pure, and shared by all who make or check a proof.
import { createHash } from 'node:crypto';
import { Hash } from './ids.ts';
import { maxProofSteps } from './limits.ts';
import { type Static, Type } from './typebox.ts';

const ProofStep = Type.Object({
  side: Type.OneOf(['left', 'right']),
  hash: Hash,
});
/** From a leaf to the root: the hash beside it at each level, and on which side of it that stands. */
export const ProofPath = Type.Array(ProofStep, { maxItems: maxProofSteps });
export type ProofPath = Static<typeof ProofPath>;

/** The largest whole trees that the leaves so far make, from left to right, one for each bit of their number: enough to add further leaves. */
type Peaks = readonly string[];

const sha256 = (...parts: (Buffer | string)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const leafMark = Buffer.from([0]);
const nodeMark = Buffer.from([1]);

export function leafOf(content: Buffer | string): string {
  return sha256(leafMark, content);
}
function nodeOf(left: string, right: string): string {
  return sha256(nodeMark, Buffer.from(left, 'hex'), Buffer.from(right, 'hex'));
}

/** `count`: the leaves before this one. */
export function withLeaf(peaks: Peaks, count: number, leaf: string): string[] {
  const next = [...peaks];
  let top = leaf;
  // Two whole trees of one size make the next larger one, as a carry does.
  for (let rest = count; rest % 2 === 1; rest = Math.floor(rest / 2)) top = nodeOf(next.pop() as string, top);
  next.push(top);
  return next;
}
export function rootOf(peaks: Peaks): string {
  return peaks.length === 0 ? sha256('') : peaks.reduceRight((right, left) => nodeOf(left, right));
}

/**
 * Collects the path of one leaf while the leaves of its tree are read one after the other: no more than the peaks are in memory. In: each leaf
 * in order. Out: the path, once the last one was added.
 */
export class PathCollector {
  readonly #index: number;
  /** Each peak, and the path within it where it has the leaf. */
  #peaks: { hash: string; path: ProofPath | null }[] = [];
  #count = 0;

  constructor(index: number) {
    this.#index = index;
  }
  add(leaf: string): void {
    let top: { hash: string; path: ProofPath | null } = { hash: leaf, path: this.#count === this.#index ? [] : null };
    for (let rest = this.#count; rest % 2 === 1; rest = Math.floor(rest / 2))
      top = joined(this.#peaks.pop() as typeof top, top);
    this.#peaks.push(top);
    this.#count++;
  }
  get root(): string {
    return rootOf(this.#peaks.map(({ hash }) => hash));
  }
  /** @throws where the leaf was never added */
  path(): ProofPath {
    const { path } = this.#peaks.reduceRight((right, left) => joined(left, right));
    if (path === null) throw new Error(`the tree has ${this.#count} leaves, and none at ${this.#index}`);
    return path;
  }
}
function joined(
  left: { hash: string; path: ProofPath | null },
  right: { hash: string; path: ProofPath | null },
): { hash: string; path: ProofPath | null } {
  const hash = nodeOf(left.hash, right.hash);
  if (left.path) return { hash, path: [...left.path, { side: 'right', hash: right.hash }] };
  if (right.path) return { hash, path: [...right.path, { side: 'left', hash: left.hash }] };
  return { hash, path: null };
}

/** The root that a leaf has by this path. */
export function rootBy(leaf: string, path: ProofPath): string {
  return path.reduce((hash, step) => (step.side === 'left' ? nodeOf(step.hash, hash) : nodeOf(hash, step.hash)), leaf);
}

/** A whole tree in memory, for many paths: two hashes for each leaf. */
export class MerkleTree {
  readonly #levels: string[][];

  constructor(leaves: readonly string[]) {
    this.#levels = [[...leaves]];
    for (let level = this.#levels[0] as string[]; level.length > 1; ) {
      const above: string[] = [];
      for (let i = 0; i + 1 < level.length; i += 2) above.push(nodeOf(level[i] as string, level[i + 1] as string));
      // A last one without a neighbour goes up as it is, which makes the shape of RFC 6962.
      if (level.length % 2 === 1) above.push(level.at(-1) as string);
      this.#levels.push(above);
      level = above;
    }
  }
  get root(): string {
    return this.#levels.at(-1)?.[0] ?? rootOf([]);
  }
  path(index: number): ProofPath {
    const path: ProofPath = [];
    let at = index;
    for (const level of this.#levels) {
      const hash = level[at % 2 === 1 ? at - 1 : at + 1];
      if (hash !== undefined) path.push({ side: at % 2 === 1 ? 'left' : 'right', hash });
      at = Math.floor(at / 2);
    }
    return path;
  }
}
