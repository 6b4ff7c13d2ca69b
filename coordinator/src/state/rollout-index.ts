// The subjects of rollouts in the view, with their index. Called by apply.ts alone.
import { type RolloutSubjectRow, subjectKey } from './rollout-rows.ts';
import { add, drop } from './task-index.ts';
import type { MutableView } from './view.ts';

export function putSubject(view: MutableView, row: RolloutSubjectRow): void {
  const key = subjectKey(row);
  view.rolloutSubjects.set(key, row);
  add(view.subjectsByRollout, row.rollout, key);
}
export function dropSubject(view: MutableView, subject: Pick<RolloutSubjectRow, 'rollout' | 'subject'>): void {
  const key = subjectKey(subject);
  view.rolloutSubjects.delete(key);
  drop(view.subjectsByRollout, subject.rollout, key);
}
export function dropRollout(view: MutableView, id: string): void {
  for (const key of view.subjectsByRollout.get(id) ?? []) view.rolloutSubjects.delete(key);
  view.subjectsByRollout.delete(id);
  view.rollouts.delete(id);
}
