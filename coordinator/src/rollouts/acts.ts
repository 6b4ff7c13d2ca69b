// What people do with a rollout: pause, resume, approve, abort, roll back. Which act fits which state is a table.
import { type AuditAction, actorOf } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { change, decided, noteAudit, openDraft } from '../state/draft.ts';
import type { Decide, RolloutAct } from '../state/input.ts';
import type { RolloutRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';
import { kindOf, noWayBack } from './kinds.ts';
import { needsApproval, standOf } from './stand.ts';
import { bringBack, isLive } from './step.ts';
import { subjectsOf } from './subjects.ts';
import { closeWork, goBack, openWork, setRollout, turn, type Work } from './work.ts';

interface Act {
  fits: readonly RolloutRow['state'][];
  audit: AuditAction & `rollout-${string}`;
  does: (work: Work, actor: string) => void;
}
const acts: Record<RolloutAct, Act> = {
  pause: {
    fits: ['running'],
    audit: 'rollout-pause',
    does: (work, actor) => setRollout(work, { state: 'paused', reason: `paused by ${actor}` }),
  },
  resume: { fits: ['paused', 'stopped'], audit: 'rollout-resume', does: resume },
  approve: {
    fits: ['running', 'paused'],
    audit: 'rollout-approve',
    does: (work) => setRollout(work, { approvedWaves: work.rollout.wave + 2, asked: false }),
  },
  abort: {
    fits: ['running', 'paused', 'stopped'],
    audit: 'rollout-abort',
    does: (work, actor) => backAtOnce(work, 'aborted', `aborted by ${actor}`),
  },
  'roll-back': {
    fits: ['running', 'paused', 'stopped', 'done'],
    audit: 'rollout-back',
    does: (work, actor) => backAtOnce(work, 'rolled-back', `rolled back by ${actor}`),
  },
};

export const actOnRollout: Decide<'rollout-act'> = (view, { by, id, act }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const rollout = view.rollouts.get(id);
  if (!rollout) return refuse('no-such-rollout', `There is no rollout ${id}.`);
  const { fits, audit, does } = acts[act];
  if (!fits.includes(rollout.state))
    return refuse('conflict', `The rollout ${id} is ${rollout.state}: ${act} is for one that is ${fits.join(' or ')}.`);
  const against = whyNot(view, rollout, act, nowMs, policy.timeZone);
  if (against !== null) return refuse('conflict', against);
  const work = openWork(draft, rollout, policy);
  does(work, actorOf(by));
  closeWork(work);
  const params = { rollout: id, what: rollout.text };
  if (audit === 'rollout-approve') noteAudit(draft, by, audit, { ...params, wave: rollout.wave + 2 });
  else noteAudit(draft, by, audit as 'rollout-pause', params);
  return decided(draft);
};

function whyNot(view: View, rollout: RolloutRow, act: RolloutAct, nowMs: number, timeZone: string): string | null {
  const subjects = subjectsOf(view, rollout.id);
  const stays = noWayBack(rollout.what);
  if (act === 'roll-back' && stays !== null) return `${stays} To end it where it is: abort it.`;
  if (act === 'approve') {
    if (!needsApproval(rollout)) return `The next wave of ${rollout.id} needs no approval.`;
    // What a person approves is what the gates showed: not before they could.
    const { waitsFor, reason } = standOf({
      view,
      rollout: { ...rollout, state: 'running' },
      subjects,
      nowMs,
      timeZone,
    });
    if (waitsFor !== 'approval') return `Wave ${rollout.wave + 1} is not over: it ${reason}.`;
  }
  if (act !== 'roll-back' || rollout.state !== 'done') return null;
  const { of } = kindOf(rollout.what);
  for (const later of view.rollouts.values()) {
    if (later.id <= rollout.id || kindOf(later.what).of !== of) continue;
    const shared = subjects.find(({ subject }) => {
      const row = view.rolloutSubjects.get(`${later.id}/${subject}`);
      return row && row.state !== 'returned' && (row.state !== 'waiting' || isLive(view, later));
    });
    if (shared) return `The rollout ${later.id} (${later.text}) came after it: roll that one back first.`;
  }
  return null;
}

function backAtOnce(work: Work, goal: 'aborted' | 'rolled-back', reason: string): void {
  goBack(work, goal, reason);
  bringBack(work);
}
/** After a red gate the figures begin anew, and those that failed are tried again. */
function resume(work: Work): void {
  const { draft, rollout } = work;
  setRollout(work, { state: 'running', reason: '', judged: null });
  if (rollout.state !== 'stopped') return;
  setRollout(work, { soakFromMs: null });
  const { of } = kindOf(rollout.what);
  for (const subject of [...work.subjects]) {
    if (subject.state === 'failed') turn(work, subject, 'waiting', '');
    else if (subject.state === 'done') change(draft, { type: 'measured-anew', of, id: subject.subject });
  }
}
