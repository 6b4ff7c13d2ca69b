// Rows with their moments moved, after the clock of this machine was set: what waits then still waits as long. Every field whose name
// ends in Ms says here whether it is such a moment; a new one does not compile without. In: a row, by how much. Out: another row. Pure.
import type { Behind, Freeze, ModelFault, MutableView, NodeLive, PlaceTrouble, Refusals, TaskRow } from './view.ts';

type Moments<T> = keyof { [K in keyof T as K extends `${string}Ms` ? K : never]: unknown };
/** `moves`: a moment that something is reckoned from or waits for. `stays`: a length of time, or a date in a calendar. */
type Table<T> = Record<Moments<T>, 'moves' | 'stays'>;

const task: Table<TaskRow> = { createdMs: 'moves', deadlineMs: 'moves', leasedMs: 'moves', notBeforeMs: 'moves' };
const live: Table<NodeLive> = { lastSeenMs: 'moves', helloMs: 'moves', heartbeatMs: 'stays' };
const refusals: Table<Refusals> = { sinceMs: 'moves' };
const boots: Table<NonNullable<NodeLive['boots']>> = { sinceMs: 'moves' };
const behind: Table<Behind> = { sinceMs: 'moves', waitMs: 'stays' };
const fault: Table<ModelFault> = { sinceMs: 'moves', untilMs: 'moves' };
const trouble: Table<PlaceTrouble> = { sinceMs: 'moves', untilMs: 'moves' };
const freeze: Table<Freeze> = { sinceMs: 'moves' };
const whole: Table<MutableView> = { startedMs: 'moves', announcedMs: 'moves', tickedMs: 'moves', resumedMs: 'moves' };

/** 0 and null mean that there is no such moment. */
function moved<T extends object>(row: T, table: Record<string, 'moves' | 'stays'>, byMs: number): T {
  const other = { ...row } as Record<string, unknown>;
  for (const [field, kind] of Object.entries(table)) {
    const at = other[field];
    if (kind === 'moves' && typeof at === 'number' && at !== 0) other[field] = at + byMs;
  }
  return other as T;
}
export const movedTask = (row: TaskRow, byMs: number): TaskRow => moved(row, task, byMs);

/** What is known of nodes and models and is not stored. */
export function moveHeard(view: MutableView, byMs: number): void {
  Object.assign(view, moved(view, whole, byMs));
  for (const [id, row] of view.live) {
    const next = moved(row, live, byMs);
    if (next.refusals) next.refusals = moved(next.refusals, refusals, byMs);
    if (next.boots) next.boots = moved(next.boots, boots, byMs);
    if (next.behind) next.behind = moved(next.behind, behind, byMs);
    view.live.set(id, next);
  }
  for (const models of [...view.modelUse.values(), ...view.modelWorked.values()])
    for (const [model, atMs] of models) models.set(model, atMs + byMs);
  for (const faults of view.modelFaults.values())
    for (const [model, row] of faults) faults.set(model, moved(row, fault, byMs));
  for (const [agent, row] of view.placeTroubles) view.placeTroubles.set(agent, moved(row, trouble, byMs));
  view.frozen = view.frozen.map((row) => moved(row, freeze, byMs));
}
