// A model of the fleet while its row is gathered from the reports of all nodes.
import type { CatalogueModel } from '@blackroad/protocol';

export interface ClassSums {
  nodes: number;
  resident: number;
  decode: number;
  prefill: number;
  measured: number;
}
export interface Gathered {
  model: CatalogueModel;
  runtimes: Set<string>;
  classes: Map<string, ClassSums>;
  kvBytesPerToken: number;
  /** Nodes that have it. */
  on: Set<string>;
}
