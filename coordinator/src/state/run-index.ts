// The part of the view that has the runs of consolidation, and its changes.
import { isRunUnwritten, type RunRow } from './run-rows.ts';
import { add, drop } from './task-index.ts';
import type { MutableView } from './view.ts';

type Runs = Pick<MutableView, 'runs' | 'runsByAgent' | 'unwritten'>;

export function putRun(view: Runs, row: RunRow): void {
  view.runs.set(row.id, row);
  add(view.runsByAgent, row.agent, row.id);
  if (isRunUnwritten(row)) add(view.unwritten, row.agent, row.id);
  else drop(view.unwritten, row.agent, row.id);
}

export function dropRun(view: Runs, id: string): void {
  const row = view.runs.get(id);
  if (!row) return;
  view.runs.delete(id);
  drop(view.runsByAgent, row.agent, id);
  drop(view.unwritten, row.agent, id);
}
