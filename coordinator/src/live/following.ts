// The followers of tasks: they get chunks as these arrive, changes of state, and the end exactly once. A chunk is the one thing that is
// sent before a commit: it is perishable, and the end has the whole text.
import type { TaskChunk, TaskStreamEvent } from '@blackroad/protocol';
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { showTask } from './show.ts';

type Listener = (event: TaskStreamEvent) => void;

export class Following {
  readonly #listeners = new Map<string, Set<Listener>>();

  add(task: string, listener: Listener): () => void {
    const set = this.#listeners.get(task) ?? new Set();
    set.add(listener);
    this.#listeners.set(task, set);
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#listeners.get(task) === set) this.#listeners.delete(task);
    };
  }

  /** Passes a chunk on if it comes from the holder of the present attempt. */
  chunk(task: string, node: string, chunk: TaskChunk, view: View): void {
    const listeners = this.#listeners.get(task);
    if (!listeners) return;
    const row = view.tasks.get(task);
    if (!row || row.node !== node || row.attempt !== chunk.attempt) return;
    for (const listener of listeners) listener({ event: 'chunk', data: chunk });
  }

  /** Called after a commit: changes of state first, then ends. */
  tell(touched: Touched, view: View): void {
    if (this.#listeners.size === 0) return;
    for (const id of touched.tasks) {
      const row = view.tasks.get(id);
      const listeners = row && this.#listeners.get(id);
      if (listeners) for (const listener of listeners) listener({ event: 'task', data: showTask(view, row) });
    }
    for (const row of touched.ended) {
      const listeners = this.#listeners.get(row.id);
      if (!listeners) continue;
      this.#listeners.delete(row.id);
      for (const listener of listeners) listener({ event: 'end', data: showTask(view, row) });
    }
  }
}
