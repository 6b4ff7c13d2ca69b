// The proof that a memory is under a signed root, as a stranger checks it: docs/verify.md has a page of code for that.
import { AnchoredLog, SignedCheckpoint } from './checkpoint.ts';
import { MemoryEntry } from './memory.ts';
import { ProofPath } from './merkle.ts';
import { type Static, Type } from './typebox.ts';

/** All that a stranger needs to check that an entry is under a signed root. */
export const MemoryProof = Type.Object({
  format: Type.Literal('blackroad-memory-proof/1'),
  entry: MemoryEntry,
  path: ProofPath,
  log: AnchoredLog,
  logPath: ProofPath,
  checkpoint: SignedCheckpoint,
});
export type MemoryProof = Static<typeof MemoryProof>;
