// The rows of a restore from a backup, as the store keeps them.
import type { AgentSpec } from '@blackroad/protocol';

/** The last restore of this fleet from a backup. */
export interface RestoredRow {
  readonly lineage: string;
  readonly backupMs: number;
  readonly restoredMs: number;
  readonly version: string;
  /** The tasks that had not ended in the backup. */
  readonly tasks: number;
}
/** What was found of the time between a backup and its restore. */
export type FoundRow = { readonly id: string; readonly node: string } & (
  | {
      /** A node had this agent, which the backup has not, or has in an older version. */
      readonly kind: 'agent';
      readonly agent: string;
      readonly space: string;
      readonly spec: AgentSpec;
      readonly version: number;
      readonly epoch: number;
      readonly isBack: boolean;
    }
  | {
      /** A machine with a certificate from after the backup, for no node, or with another key. */
      readonly kind: 'node';
      readonly keyFingerprint: string;
      readonly certificateExpiresMs: number;
      readonly isIn: boolean;
    }
  | {
      /** Memories from before the restore that the node brought. */
      readonly kind: 'memory';
      readonly agent: string;
      readonly entries: number;
    }
);
