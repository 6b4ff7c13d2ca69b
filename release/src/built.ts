// A product for one architecture, before it says of itself what it is (about.ts).
import type { Package } from './packages.ts';
import type { TreeNode } from './tree.ts';

export interface Built {
  tree: Map<string, TreeNode>;
  /** The newest one of a database that it knows. */
  schema?: number;
  packages: Package[];
}
