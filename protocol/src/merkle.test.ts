// One shape of tree, whichever way it is built; a path proves its own leaf at its own place and nothing else.
import { createHash } from 'node:crypto';
import t from 'tap';
import { leafOf, MerkleTree, PathCollector, rootBy, rootOf, withLeaf } from './merkle.ts';

/** RFC 6962, 2.1, word for word. */
function byTheBook(leaves: readonly string[]): string {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest('hex');
  if (leaves.length === 1) return only;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const sides = [byTheBook(leaves.slice(0, k)), byTheBook(leaves.slice(k))].map((hash) => Buffer.from(hash, 'hex'));
  return createHash('sha256')
    .update(Buffer.concat([Buffer.from([1]), ...sides]))
    .digest('hex');
}
const leavesOf = (count: number) => Array.from({ length: count }, (_, i) => leafOf(`leaf ${i}`));

t.test('peaks, a collector and a whole tree have the root of RFC 6962', async (t) => {
  for (let count = 0; count <= 70; count++) {
    const leaves = leavesOf(count);
    const root = byTheBook(leaves);
    let peaks: string[] = [];
    for (const [i, leaf] of leaves.entries()) peaks = withLeaf(peaks, i, leaf);
    t.equal(rootOf(peaks), root, `${count} leaves`);
    t.equal(new MerkleTree(leaves).root, root);
    for (let index = 0; index < count; index++) {
      const collector = new PathCollector(index);
      for (const leaf of leaves) collector.add(leaf);
      if (collector.root !== root) t.fail(`root of the collector, ${index} of ${count}`);
      t.same(collector.path(), new MerkleTree(leaves).path(index), `${index} of ${count}`);
      if (rootBy(leaves[index] as string, collector.path()) !== root) t.fail(`path of ${index} of ${count}`);
    }
  }
});
t.test('a path does not prove another leaf, another place, or a node as a leaf', async (t) => {
  const leaves = leavesOf(21);
  const tree = new MerkleTree(leaves);
  for (let index = 0; index < leaves.length; index++) {
    const path = tree.path(index);
    t.not(rootBy(leafOf('forged'), path), tree.root);
    t.not(rootBy(leaves[(index + 1) % leaves.length] as string, path), tree.root);
    for (const [i, step] of path.entries()) {
      const turned = path.with(i, { ...step, side: step.side === 'left' ? 'right' : 'left' });
      t.not(rootBy(leaves[index] as string, turned), tree.root, 'on the other side');
      t.not(rootBy(leaves[index] as string, path.toSpliced(i, 1)), tree.root, 'a step less');
    }
  }
  const [a, b] = leaves as [string, string];
  const node = new MerkleTree([a, b]).root;
  t.not(leafOf(Buffer.concat([Buffer.from(a, 'hex'), Buffer.from(b, 'hex')])), node);
  t.throws(() => new PathCollector(3).path(), 'nothing was added');
});
