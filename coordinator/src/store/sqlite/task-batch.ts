// The task changes of one batch, folded so that each row is written once: a task is mostly submitted and leased in the same batch, and
// writing it queued first would cost a second statement and an index entry made and removed again. [M] a third of a task's writes.
// In: task changes in order. Out: the rows they come to, written inside the caller's transaction. The store sees no other difference.
import type { DurableChange } from '../../state/change.ts';
import type { EndedTask, TaskRow } from '../../state/rows.ts';
import type { TaskRows } from './tasks.ts';

type TaskState = Extract<DurableChange, { type: 'task-state' }>;

export interface TaskBatch {
  add(row: TaskRow): void;
  setState(change: TaskState): void;
  end(row: EndedTask): void;
  /** All that have not ended, by so much. */
  move(byMs: number): void;
  /** Once, after the last change. */
  write(): void;
}

export function taskBatch(rows: TaskRows): TaskBatch {
  const open = new Map<string, { row: TaskRow | null; state: TaskState | null }>();

  function writeOne({ row, state }: { row: TaskRow | null; state: TaskState | null }): void {
    if (row && rows.add(state ? withState(row, state) : row)) return;
    // The id was stored before: the state is a change of that row.
    if (state) rows.setState(state);
  }
  return {
    add(row) {
      const known = open.get(row.id);
      if (known) writeOne(known);
      open.set(row.id, { row, state: null });
    },
    setState(change) {
      const known = open.get(change.id);
      // The past is told once, when it grew: a later state of the same batch leaves it as it is.
      if (known) known.state = known.state?.past && !change.past ? { ...change, past: known.state.past } : change;
      else open.set(change.id, { row: null, state: change });
    },
    end(row) {
      // An ended row carries all columns: what came before it needs no write of its own.
      open.delete(row.id);
      rows.end(row);
    },
    move(byMs) {
      // Those before it are stored as they were then, those after it as they are.
      for (const each of open.values()) writeOne(each);
      open.clear();
      rows.move(byMs);
    },
    write() {
      for (const each of open.values()) writeOne(each);
    },
  };
}

function withState(row: TaskRow, { type: _, ...state }: TaskState): TaskRow {
  return { ...row, ...state };
}
