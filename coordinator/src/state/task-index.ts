// The indexes of live tasks: the queue of each agent and the tasks it works on, leases by node, deadlines and wake-ups by time. Called by
// apply.ts alone, for the view or a layer over it.
import { LayerSet, owned } from './layer.ts';
import { movedTask } from './moved-times.ts';
import type { AgentWork, TaskRow } from './rows.ts';
import type { MutableView } from './view.ts';

// Copies of values that are changed in place, for a layer that needs its own. An index may have thousands of ids, so its copy is a layer.
const layerOfSet = <V>(set: Set<V>): Set<V> => new LayerSet(set);
const copyOfWork = ({ waiting, leased }: AgentWork): AgentWork => ({ waiting: [...waiting], leased: new Set(leased) });

export function add<K>(index: Map<K, Set<string>>, key: K, value: string): void {
  const set = owned(index, key, layerOfSet);
  if (set) set.add(value);
  else index.set(key, new Set([value]));
}
export function drop<K>(index: Map<K, Set<string>>, key: K, value: string): void {
  const set = owned(index, key, layerOfSet);
  if (!set) return;
  set.delete(value);
  if (set.size === 0) index.delete(key);
}

function workOf(view: MutableView, agent: string): AgentWork {
  let work = owned(view.work, agent, copyOfWork);
  if (!work) {
    work = { waiting: [], leased: new Set() };
    view.work.set(agent, work);
  }
  return work;
}
/** The second of a deadline, and the slot of a wake-up: keys of the two indexes that the tick reads. */
export const deadlineSlot = (deadlineMs: number): number => Math.floor(deadlineMs / 1000);
export const wakeSlot = (notBeforeMs: number): number => Math.ceil(notBeforeMs / 250);
/** The order of a queue. */
export function goesBefore(a: TaskRow, b: TaskRow): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.createdMs !== b.createdMs) return a.createdMs < b.createdMs;
  return a.id < b.id;
}
export function indexTask(view: MutableView, row: TaskRow): void {
  const work = workOf(view, row.agent);
  indexTimes(view, row);
  if (row.state === 'queued') {
    let at = work.waiting.length;
    while (at > 0 && goesBefore(row, view.tasks.get(work.waiting[at - 1] as string) as TaskRow)) at--;
    work.waiting.splice(at, 0, row.id);
  } else {
    work.leased.add(row.id);
    if (row.node !== null) add(view.leasesByNode, row.node, row.id);
  }
  noteServed(view, row.agent, work);
}
function indexTimes(view: MutableView, row: TaskRow): void {
  add(view.tasksByDeadline, deadlineSlot(row.deadlineMs), row.id);
  if (row.state === 'queued' && row.notBeforeMs > 0) add(view.tasksByWake, wakeSlot(row.notBeforeMs), row.id);
}
/** Moves the first names to the end. */
export function turnRound(names: Map<string, true>, count: number): void {
  for (const each of [...names.keys().take(count)]) {
    names.delete(each);
    names.set(each, true);
  }
}
function noteServed(view: MutableView, agent: string, { waiting, leased }: AgentWork): void {
  if (waiting.length > 0 && leased.size === 0) view.unserved.set(agent, true);
  else view.unserved.delete(agent);
}
export function unindexTask(view: MutableView, row: TaskRow): void {
  const work = workOf(view, row.agent);
  drop(view.tasksByDeadline, deadlineSlot(row.deadlineMs), row.id);
  if (row.state === 'queued') {
    if (row.notBeforeMs > 0) drop(view.tasksByWake, wakeSlot(row.notBeforeMs), row.id);
    const at = work.waiting.indexOf(row.id);
    if (at >= 0) work.waiting.splice(at, 1);
  } else {
    work.leased.delete(row.id);
    if (row.node !== null) drop(view.leasesByNode, row.node, row.id);
  }
  noteServed(view, row.agent, work);
}

/** Moves all tasks by the same time, so the order of the queues stays. */
export function moveTasks(view: MutableView, byMs: number): void {
  view.tasksByDeadline.clear();
  view.tasksByWake.clear();
  for (const [id, before] of view.tasks) {
    const row = movedTask(before, byMs);
    view.tasks.set(id, row);
    indexTimes(view, row);
  }
}
