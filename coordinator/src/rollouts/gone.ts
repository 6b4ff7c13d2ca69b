// A node or an agent that is gone is no subject of a rollout any more.
import { change, type Draft } from '../state/draft.ts';
import { subjectKey } from '../state/rollout-rows.ts';

export function leaveRollouts(draft: Draft, of: 'node' | 'agent', id: string): void {
  for (const { id: rollout, what } of draft.view.rollouts.values()) {
    const isOf = (what.kind === 'agent') === (of === 'agent');
    if (isOf && draft.view.rolloutSubjects.has(subjectKey({ rollout, subject: id })))
      change(draft, { type: 'rollout-subject-gone', rollout, subject: id });
  }
}
