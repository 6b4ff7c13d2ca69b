// Rows about memories beside the logs themselves: where a log ends, what of it is under a signature, and what was erased.
import type { AnchoredLog } from '@blackroad/protocol';

export interface MemoryHead {
  readonly epoch: number;
  readonly seq: number;
  readonly hash: string;
  readonly entries: number;
}

/** A log as it stood at the newest checkpoint that changed it, with what the next one needs to go on from there. */
export interface AnchoredRow extends Readonly<AnchoredLog> {
  readonly epoch: number;
  /** Of the tree of its entries. */
  readonly peaks: readonly string[];
}

/** Where an entry is that goes: in the log of its agent, or in a branch alone. */
export interface ErasedPlace {
  readonly hash: string;
  readonly seq: number;
  readonly branch: string | null;
}
/** Erasures of one log are numbered from 1, and nodes carry them out in that order. Never removed. */
export interface ErasureRow {
  readonly id: string;
  readonly agent: string;
  readonly number: number;
  readonly atMs: number;
  readonly by: string;
  readonly entries: number;
  /** Nodes that have, or had, the log and have not confirmed it. */
  readonly owed: readonly string[];
}
