// The start of a rollout. In: the request of a person. Out: its row and the rows of all its subjects in one commit, so that a restart knows
// all of it or nothing; the first orders follow with the next step.
import { askerOf, maxRolloutRows, maxRollouts, type Principal, type RolloutRequest } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { change, type Draft, decided, noteAudit, noteEvent, openDraft } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import { noSums } from '../state/sums.ts';
import { kindOf, noWayBack } from './kinds.ts';
import { type Planned, planRollout, waitingElsewhere } from './plan.ts';
import { isLive } from './step.ts';

export const startRollout: Decide<'rollout-start'> = (view, { by, id, request }, nowMs) => {
  const draft = openDraft(view, nowMs);
  const outcome = planRollout(view, by, request);
  if ('refused' in outcome) return refuse(outcome.code, outcome.refused);
  const { planned } = outcome;
  const members = planned.waves.flat();
  if (!makeRoom(draft, members.length))
    return refuse(
      'fleet-full',
      `${maxRollouts} rollouts are kept, and those that are under way leave no room for another.`,
    );
  const ids = new Set(members.map((member) => member.id));
  for (const { rollout, subject } of waitingElsewhere(view, request, ids))
    change(draft, { type: 'rollout-subject-gone', rollout, subject });
  const row = rowOf(request, planned, id, by, nowMs);
  change(draft, { type: 'rollout', row });
  const { of } = kindOf(request.what);
  const sums = of === 'node' ? view.nodeSums : view.agentSums;
  let place = 0;
  for (const [wave, mine] of planned.waves.entries())
    for (const { id: subject, before } of mine) {
      const past = sums.get(subject) ?? noSums;
      change(draft, {
        type: 'rollout-subject',
        row: subjectRow({ rollout: id, subject, place: place++, wave, ...before, past }, nowMs),
      });
      // Those that wait are compared with those that have it, over the same time.
      change(draft, { type: 'measured-anew', of, id: subject });
    }
  const { text: what } = row;
  noteAudit(draft, by, 'rollout-start', { rollout: id, what, subjects: members.length });
  noteEvent(draft, 'rollout-started', {
    rollout: id,
    what,
    subjects: members.length,
    waves: row.waves,
    by: askerOf(by),
  });
  return decided(draft);
};

function rowOf(request: RolloutRequest, planned: Planned, id: string, by: Principal, nowMs: number): RolloutRow {
  const { what, onRed, approval, windows, driver, downgrade, note } = request;
  const { text, waves, gates, releases, soakSeconds, patienceMs, maxUnavailable } = planned;
  return {
    id,
    what,
    text,
    state: 'running',
    reason: '',
    wave: 0,
    waves: waves.length,
    approvedWaves: 1,
    asked: false,
    soakFromMs: null,
    soakMs: soakSeconds * 1000,
    patienceMs,
    maxUnavailable,
    gates,
    onRed: onRed ?? (noWayBack(what) === null ? 'roll-back' : 'stop'),
    approval: approval ?? 'none',
    windows: windows ?? [],
    driver: driver ?? 'coordinator',
    downgrade: downgrade ?? false,
    note: note ?? '',
    releases,
    judged: null,
    by: askerOf(by),
    createdMs: nowMs,
    endedMs: null,
  };
}
type Given = Pick<
  RolloutSubjectRow,
  'rollout' | 'subject' | 'place' | 'wave' | 'was' | 'wasLabels' | 'wasSpec' | 'balena' | 'past'
>;
const subjectRow = (given: Given, nowMs: number): RolloutSubjectRow => ({
  ...given,
  state: 'waiting',
  step: '',
  toldMs: 0,
  orderedMs: 0,
  orders: 0,
  sinceMs: nowMs,
});

/** Removes the oldest rollouts that are over, until there is room; false: there is none. */
function makeRoom(draft: Draft, subjects: number): boolean {
  const { view } = draft;
  let rows = view.rolloutSubjects.size + subjects;
  let count = view.rollouts.size + 1;
  for (const rollout of view.rollouts.values()) {
    if (rows <= maxRolloutRows && count <= maxRollouts) break;
    if (isLive(view, rollout)) continue;
    change(draft, { type: 'rollout-gone', id: rollout.id });
    rows -= view.subjectsByRollout.get(rollout.id)?.size ?? 0;
    count--;
  }
  return rows <= maxRolloutRows && count <= maxRollouts;
}
