// One step of every rollout: who got there, who failed, whether a gate is red, whether the wave has passed, who is told next. The tick makes
// it; between two steps nothing of a rollout happens by itself. [INV-rollout] [decision 25]
import { change, type Draft, noteEvent } from '../state/draft.ts';
import type { Policy } from '../state/input.ts';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';
import type { RolloutOf } from './kind.ts';
import { kindOf } from './kinds.ts';
import { needsApproval, standOf } from './stand.ts';
import { isTouched } from './subjects.ts';
import {
  arrive,
  closeWork,
  comeBack,
  end,
  goBack,
  judgeWork,
  openWork,
  sendBack,
  setRollout,
  tell,
  tellAgain,
  tellOn,
  turn,
  type Work,
} from './work.ts';

const stepMs = 1_000;
/** With ten thousand subjects a step takes 12 to 30 ms, and is made every five seconds. */
const msPerSubject = 0.5;

/** Whether anything is still to happen: a rollout that is done goes on for those that were away. */
export function isLive(view: View, { id, state }: RolloutRow): boolean {
  if (state === 'rolled-back' || state === 'aborted') return false;
  if (state !== 'done') return true;
  for (const key of view.subjectsByRollout.get(id) ?? []) {
    const row = view.rolloutSubjects.get(key);
    if (row?.state === 'waiting' || row?.state === 'told') return true;
  }
  return false;
}

export function stepRollouts(draft: Draft, policy: Policy): void {
  const { view, nowMs } = draft;
  const sinceMs = nowMs - (view.judgedMs ?? 0);
  if (view.rollouts.size === 0 || (sinceMs >= 0 && sinceMs < stepMs)) return;
  const live = [...view.rollouts.values()].filter((row) => isLive(view, row));
  const subjects = live.reduce((sum, { id }) => sum + (view.subjectsByRollout.get(id)?.size ?? 0), 0);
  if (sinceMs >= 0 && sinceMs < subjects * msPerSubject) return;
  change(draft, { type: 'rollouts-judged', atMs: nowMs });
  for (const row of live) {
    const work = openWork(draft, row, policy);
    steps[row.state](work);
    closeWork(work);
  }
}

const steps: Record<RolloutRow['state'], (work: Work) => void> = {
  running(work) {
    const observed = observe(work);
    if (judgedRed(work)) return;
    repeat(work, observed);
    goOn(work, observed);
    advance(work);
  },
  paused(work) {
    const observed = observe(work);
    if (!judgedRed(work)) repeat(work, observed);
  },
  stopped(work) {
    repeat(work, observe(work));
  },
  done(work) {
    const observed = observe(work);
    repeat(work, observed);
    goOn(work, observed);
    tellDue(work);
  },
  'rolling-back': bringBack,
  'rolled-back': () => {},
  aborted: () => {},
};

interface Observed {
  underWay: readonly RolloutSubjectRow[];
  /** Those whose next order waits for its turn. No patience runs out meanwhile. */
  held: readonly RolloutSubjectRow[];
}
/** What became of the orders. Returns those that are not there yet: whether they are told again, or told more, is for the gates. */
function observe(work: Work): Observed {
  const { draft, rollout } = work;
  const { stand, of } = kindOf(rollout.what);
  const underWay: RolloutSubjectRow[] = [];
  const held: RolloutSubjectRow[] = [];
  for (const subject of [...work.subjects]) {
    if (subject.state !== 'told' && !(subject.state === 'done' && of === 'agent')) continue;
    const found = stand(draft.view, rollout as RolloutOf<'node-agent'>, subject);
    if (typeof found === 'object' && 'left' in found) turn(work, subject, 'left', found.left);
    else if (subject.state === 'done') continue;
    else if (found === 'there') arrive(work, subject);
    else if (found === 'held') held.push(subject);
    else if (found !== 'under-way') turn(work, subject, 'failed', found.failed);
    else if (draft.nowMs - subject.toldMs >= rollout.patienceMs) turn(work, subject, 'failed', late(subject, rollout));
    else underWay.push(subject);
  }
  return { underWay, held };
}
function repeat(work: Work, { underWay }: Observed): void {
  for (const subject of underWay) tellAgain(work, subject);
}
function goOn(work: Work, { held }: Observed): void {
  for (const subject of held) tellOn(work, subject);
}
function late({ step }: RolloutSubjectRow, { patienceMs }: RolloutRow): string {
  const minutes = Math.round(patienceMs / 60_000);
  return `not there ${minutes < 1 ? `${Math.round(patienceMs / 1000)} s` : `${minutes} min`} after it was told${step === '' ? ', nothing was heard' : `: ${step}`}`;
}

/** Whether a gate is red; then the rollout stops, or goes back. */
function judgedRed(work: Work): boolean {
  const { draft, rollout } = work;
  if (!work.subjects.some(isTouched)) return false;
  const views = judgeWork(work);
  const red = views.find(({ verdict }) => verdict === 'red');
  if (!red) return false;
  const reason = `the gate ${red.gate} is red: ${red.text}`;
  const goesBack = rollout.onRed === 'roll-back';
  noteEvent(draft, 'rollout-red', {
    rollout: rollout.id,
    what: rollout.text,
    wave: rollout.wave + 1,
    gate: red.gate,
    reason,
    goesBack,
  });
  setRollout(work, { judged: views });
  if (!goesBack) {
    setRollout(work, { state: 'stopped', reason });
    return true;
  }
  goBack(work, 'rolled-back', reason);
  bringBack(work);
  return true;
}

const standing = ({ draft, rollout, subjects, policy }: Work) => ({
  view: draft.view,
  rollout,
  subjects,
  nowMs: draft.nowMs,
  timeZone: policy.timeZone,
});

function advance(work: Work): void {
  const { draft } = work;
  const stand = standOf(standing(work));
  if (stand.isSoaking && work.rollout.soakFromMs === null) setRollout(work, { soakFromMs: draft.nowMs });
  if (stand.passed) nextWave(work);
  tellDue(work);
}
/** The present wave has passed. */
function nextWave(work: Work): void {
  const { draft } = work;
  const { id: rollout, text: what, wave, waves, asked } = work.rollout;
  if (wave + 1 >= waves) {
    end(work, 'done', '');
    return;
  }
  if (needsApproval(work.rollout)) {
    if (!asked) noteEvent(draft, 'rollout-approval', { rollout, what, wave: wave + 2 });
    if (!asked) setRollout(work, { asked: true });
    return;
  }
  setRollout(work, { wave: wave + 1, soakFromMs: null, asked: false });
  const size = work.subjects.filter((each) => each.wave <= wave + 1).length;
  noteEvent(draft, 'rollout-wave', { rollout, what, wave: wave + 2, waves, size });
}
function tellDue(work: Work): void {
  if (work.rollout.driver === 'outside') return;
  for (const subject of standOf(standing(work)).due.slice(0, work.left)) tell(work, subject);
}

/** Every subject that may have the change goes back, however long it takes; whoever is away goes back when it returns. */
export function bringBack(work: Work): void {
  const { draft, rollout } = work;
  const kind = kindOf(rollout.what);
  if ('noWayBack' in kind) {
    leaveAsItIs(work);
    return;
  }
  const { isBack, stand } = kind;
  const like = rollout as RolloutOf<'node-agent'>;
  for (const subject of work.subjects.filter(isTouched)) {
    const found = stand(draft.view, like, subject);
    const isLeft = subject.state !== 'returning' && typeof found === 'object' && 'left' in found;
    if (isLeft) turn(work, subject, 'left', found.left);
    else if (isBack(draft.view, like, subject)) comeBack(work, subject);
    else if (subject.state !== 'returning') {
      if (work.left > 0) sendBack(work, subject, kind);
    } else tellAgain(work, subject);
  }
  if (!work.subjects.some(isTouched)) end(work, rollout.goal ?? 'rolled-back', rollout.reason);
}
/** What has no way back ends where it is: nobody is told more, and what was begun on a node goes on there. */
function leaveAsItIs(work: Work): void {
  for (const subject of work.subjects.filter(({ state }) => state === 'told'))
    turn(
      work,
      subject,
      'left',
      `was under way when the rollout ended${subject.step === '' ? '' : `: ${subject.step}`}`,
    );
  end(work, work.rollout.goal ?? 'aborted', work.rollout.reason);
}
