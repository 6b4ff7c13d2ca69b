// The read of the store for each kind of input: decisions are pure, so the loop reads before them. In: the store, the present view, and the
// input. Out: the stored data, now or later; the view may change meanwhile, and decisions allow for that.
import type { Inputs, Stored } from '../state/input.ts';
import { type EndedTask, isEnded } from '../state/rows.ts';
import { spaceOf, type View } from '../state/view.ts';
import type { Store } from '../store/store.ts';
import { readMemory } from './memory-reads.ts';

type Read<K extends keyof Stored> = (store: Store, view: View, input: Inputs[K]) => Stored[K] | Promise<Stored[K]>;

export const reads: { [K in keyof Stored]: Read<K> } = {
  // Only a trigger's task that may have been recorded before is read; live tasks and leases are in the view.
  'task-report': (store, view, { message: { task, local } }) =>
    local && !view.tasks.has(task) ? endedTask(store, task) : { ended: null },
  'memory-up': readMemory,
  'memory-erase-again': async (store, _view, { agent, number }) => ({
    hashes: await store.erasedHashes(agent, number),
  }),
  'task-submit': (store, view, { by, agent, request: { idempotencyKey, conversation } }) => {
    if (idempotencyKey === undefined && conversation === undefined) return { known: null, said: [] };
    return readAsked(store, spaceOf(view, agent, by), idempotencyKey, conversation?.id);
  },
  'task-retry': (store, _view, { id }) => endedTask(store, id),
  'task-dismiss': (store, _view, { id }) => endedTask(store, id),
};

async function readAsked(store: Store, space: string, key?: string, conversation?: string) {
  const [known, said] = await Promise.all([
    key === undefined ? null : store.taskByIdempotencyKey(space, key),
    conversation === undefined ? [] : store.conversationTasks(conversation),
  ]);
  return { known, said };
}

async function endedTask(store: Store, id: string): Promise<{ ended: EndedTask | null }> {
  const row = await store.task(id);
  return { ended: row && isEnded(row) ? row : null };
}
