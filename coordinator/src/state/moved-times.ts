// Rows with moved times, after the clock of this machine was set: every waiting time keeps its length. Each field whose name ends in Ms is
// listed here; a new field does not compile without. In: a row, and by how much. Out: another row. Pure.

import type { BudgetName, Freeze, ModelFault, NodeLive, PlaceTrouble, Spent, TaskRow } from './rows.ts';
import type { MutableView } from './view.ts';

type Moments<T> = keyof { [K in keyof T as K extends `${string}Ms` ? K : never]: unknown };
/** `moves`: a moment from which a waiting time is measured, or its end. `stays`: a duration, or a date of the calendar. */
type Table<T> = Record<Moments<T>, 'moves' | 'stays'>;
/** Fields of a row that are themselves rows with times. */
type Rows<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends object ? (Moments<NonNullable<T[K]>> extends never ? never : K) : never;
}[keyof T];

const task: Table<TaskRow> = { createdMs: 'moves', deadlineMs: 'moves', leasedMs: 'moves', notBeforeMs: 'moves' };
const live: Table<NodeLive> = { lastSeenMs: 'moves', helloMs: 'moves', heartbeatMs: 'stays' };
/** The last heartbeat has times by the node's own clock, which was not set. */
type OwnRows = Exclude<Rows<NodeLive>, 'health'>;
const ofLive: { [K in OwnRows]: Table<NonNullable<NodeLive[K]>> } = {
  refusals: { sinceMs: 'moves' },
  boots: { sinceMs: 'moves' },
  connects: { sinceMs: 'moves' },
  behind: { sinceMs: 'moves', waitMs: 'stays' },
};
const spent: Table<Spent> = { atMs: 'moves' };
const fault: Table<ModelFault> = { sinceMs: 'moves', untilMs: 'moves' };
const trouble: Table<PlaceTrouble> = { sinceMs: 'moves', untilMs: 'moves' };
const freeze: Table<Freeze> = { sinceMs: 'moves' };
const whole: Table<MutableView> = {
  startedMs: 'moves',
  announcedMs: 'moves',
  tickedMs: 'moves',
  resumedMs: 'moves',
  judgedMs: 'moves',
};

/** Moves the times of one row; 0 and null mean that there is none. */
function moved<T extends object>(row: T, table: Record<string, 'moves' | 'stays'>, byMs: number): T {
  const other = { ...row } as Record<string, unknown>;
  for (const [field, kind] of Object.entries(table)) {
    const at = other[field];
    if (kind === 'moves' && typeof at === 'number' && at !== 0) other[field] = at + byMs;
  }
  return other as T;
}
export const movedTask = (row: TaskRow, byMs: number): TaskRow => moved(row, task, byMs);

/** Moves the times of the perishable rows of nodes and models. */
export function moveHeard(view: MutableView, byMs: number): void {
  Object.assign(view, moved(view, whole, byMs));
  for (const [id, row] of view.live) {
    const next = moved(row, live, byMs);
    for (const field of Object.keys(ofLive) as OwnRows[]) {
      const own = next[field];
      if (own) Object.assign(next, { [field]: moved(own, ofLive[field], byMs) });
    }
    for (const [name, each] of Object.entries(next.spent ?? {}) as [BudgetName, Spent][])
      next.spent = { ...next.spent, [name]: moved(each, spent, byMs) };
    view.live.set(id, next);
  }
  for (const models of [view.modelUse, view.modelWorked])
    for (const [node, times] of models)
      models.set(node, new Map(Array.from(times, ([model, atMs]) => [model, atMs + byMs])));
  for (const [node, faults] of view.modelFaults)
    view.modelFaults.set(node, new Map(Array.from(faults, ([model, row]) => [model, moved(row, fault, byMs)])));
  for (const [agent, row] of view.placeTroubles) view.placeTroubles.set(agent, moved(row, trouble, byMs));
  view.frozen = view.frozen.map((row) => moved(row, freeze, byMs));
}
