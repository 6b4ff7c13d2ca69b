// Rollouts as people see them: pure functions from the view to the shapes of the protocol.
import { maxRolloutNames, type RolloutDetails, type RolloutSubject, type RolloutView } from '@blackroad/protocol';
import { judge } from '../rollouts/gates.ts';
import { standOf } from '../rollouts/stand.ts';
import { evidenceOf, isHere, nameOf, subjectsOf } from '../rollouts/subjects.ts';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';

interface Shown {
  view: View;
  rollout: RolloutRow;
  nowMs: number;
  timeZone: string;
}

export function showRollout(shown: Shown): RolloutView {
  return viewOf(shown, subjectsOf(shown.view, shown.rollout.id));
}
function viewOf({ view, rollout, nowMs, timeZone }: Shown, subjects: readonly RolloutSubjectRow[]): RolloutView {
  const { waitsFor, reason, soakUntilMs } = standOf({ view, rollout, subjects, nowMs, timeZone });
  const { id, what, text, state, wave, maxUnavailable, soakMs, onRed, approval, windows, driver, note } = rollout;
  const { by, createdMs, endedMs } = rollout;
  const waves = Array.from({ length: rollout.waves }, (_, i) => waveOf(view, rollout, subjects, i));
  // After a stop the figures are those that it stopped for: what is measured later is of nodes on their way back.
  const gates = [...(rollout.judged ?? judge(rollout.gates, evidenceOf(view, rollout, subjects, nowMs)))];
  const given = { maxUnavailable, soakSeconds: soakMs / 1000, onRed, approval, windows: [...windows], driver, note };
  return {
    id,
    what,
    text,
    state,
    reason,
    waitsFor,
    wave: wave + 1,
    waves,
    soakUntilMs,
    gates,
    ...given,
    by,
    createdMs,
    endedMs,
  };
}
function waveOf(view: View, rollout: RolloutRow, subjects: readonly RolloutSubjectRow[], wave: number) {
  const rows = subjects.filter((each) => each.wave === wave);
  const count = (...states: RolloutSubjectRow['state'][]) => rows.filter(({ state }) => states.includes(state)).length;
  return {
    size: rows.length,
    waiting: count('waiting'),
    told: count('told', 'returning'),
    done: count('done', 'left'),
    failed: count('failed'),
    returned: count('returned'),
    away: rows.filter(({ subject }) => !isHere(view, rollout, subject)).length,
  };
}

/** Those of which something is to be said come first: who failed, who is under way, who is done, who waits. */
const order: Record<RolloutSubjectRow['state'], number> = {
  failed: 0,
  told: 1,
  returning: 1,
  left: 2,
  returned: 3,
  done: 4,
  waiting: 5,
};
export function showRolloutDetails(shown: Shown): RolloutDetails {
  const { view, rollout } = shown;
  const rows = subjectsOf(view, rollout.id);
  const first = [...rows]
    .sort((a, b) => order[a.state] - order[b.state] || a.place - b.place)
    .slice(0, maxRolloutNames);
  const subjects = first.map(
    ({ subject, wave, state, step, was, sinceMs }): RolloutSubject => ({
      name: nameOf(view, rollout, subject),
      wave: wave + 1,
      state,
      ...(step === '' ? {} : { step }),
      was,
      away: !isHere(view, rollout, subject),
      sinceMs,
    }),
  );
  return { ...viewOf(shown, rows), subjects, subjectCount: rows.length };
}
