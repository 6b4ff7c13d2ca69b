// Limits that are smaller in a simulated fleet.
import type { Budget, BudgetName } from './rows.ts';

/** Limits of one message, and of the rows of one node. The real values fit a large fleet; the simulator uses small ones. */
export interface Cuts {
  readonly memoryBatchEntries: number;
  readonly assignmentPartBytes: number;
  readonly budgets: Readonly<Record<BudgetName, Budget>>;
}
