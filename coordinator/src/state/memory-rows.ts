// Rows about memories beside the logs themselves: what of them is under a signature.
import type { AnchoredLog } from '@blackroad/protocol';

/** A log as it stood at the newest checkpoint that changed it, with what the next one needs to go on from there. */
export interface AnchoredRow extends Readonly<AnchoredLog> {
  readonly epoch: number;
  /** Of the tree of its entries. */
  readonly peaks: readonly string[];
}
