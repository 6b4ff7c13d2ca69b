// Rows of runs of consolidation: what one found lies in an object, as the parts of a document do, and is written by the agent's node.
import type { MemoryRun, RunState } from '@blackroad/protocol';

export interface RunRow extends Omit<MemoryRun, 'agent' | 'state'> {
  readonly space: string;
  /** The id of the agent. */
  readonly agent: string;
  /** The object with its results, one a line, each the memory to write. It stays when the run is taken back: what a person took back is not found again. */
  readonly parts: string;
  /** asked: it was taken back; done: its withdrawal is in the log. */
  readonly undo?: 'asked' | 'done';
}
/** Whether a result of it is still to be written. */
export function isRunUnwritten({ undo, written, results }: RunRow): boolean {
  return undo === undefined && written < results;
}
export function runState(row: RunRow): RunState {
  if (row.undo !== undefined) return row.undo === 'done' ? 'undone' : 'undoing';
  return isRunUnwritten(row) ? 'writing' : 'written';
}
