// The clock of the coordinator was set: what a rollout waits for keeps its length. Pure. [decision 5]
import { change, type Draft } from '../state/draft.ts';
import { isLive } from './step.ts';
import { subjectsOf } from './subjects.ts';

export function moveRollouts(draft: Draft, byMs: number): void {
  const { view } = draft;
  for (const row of view.rollouts.values()) {
    if (!isLive(view, row)) continue;
    if (row.soakFromMs !== null) change(draft, { type: 'rollout', row: { ...row, soakFromMs: row.soakFromMs + byMs } });
    for (const subject of subjectsOf(view, row.id)) {
      const { toldMs, orderedMs, sinceMs } = subject;
      if (toldMs === 0) continue;
      change(draft, {
        type: 'rollout-subject',
        row: { ...subject, toldMs: toldMs + byMs, orderedMs: orderedMs + byMs, sinceMs: sinceMs + byMs },
      });
    }
  }
}
