// Where a rollout stands: what it waits for, in a word and in words, whether its present wave has passed, and who may be told now. The step
// (step.ts), the pages of people and the turns of a playbook all read it here. Pure.
import { counted, listInWords, type RolloutView } from '@blackroad/protocol';
import type { Policy } from '../state/input.ts';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';
import type { RolloutOf, Wait } from './kind.ts';
import { kindOf } from './kinds.ts';
import { restartsOf } from './restarts.ts';
import { isFrozen, isHere, isTouched, nameOf } from './subjects.ts';
import { isOpen, windowsInWords } from './window.ts';

interface RolloutStand {
  waitsFor: RolloutView['waitsFor'];
  reason: string;
  /** The soak of the present wave is over and nobody is under way. */
  passed: boolean;
  /** Nobody of the present wave is open: its soak runs, or may begin. */
  isSoaking: boolean;
  soakUntilMs: number | null;
  /** Who may be told now, in this order. */
  due: readonly RolloutSubjectRow[];
}
interface Standing {
  view: View;
  rollout: RolloutRow;
  subjects: readonly RolloutSubjectRow[];
  nowMs: number;
  timeZone: Policy['timeZone'];
}

export function standOf(standing: Standing): RolloutStand {
  const { view, rollout, subjects, nowMs } = standing;
  const here = ({ subject }: RolloutSubjectRow) => isHere(view, rollout, subject);
  const name = ({ subject }: RolloutSubjectRow) => nameOf(view, rollout, subject);
  const begun = subjects.filter(({ wave }) => wave <= rollout.wave);
  const told = begun.filter(({ state }) => state === 'told');
  const waiting = begun.filter(({ state }) => state === 'waiting');
  const open = waiting.filter(here);
  const away = waiting.filter((each) => !here(each));
  const present = subjects.filter(({ wave }) => wave === rollout.wave);
  const isOpenInWave = present.some((each) => each.state === 'told' || (each.state === 'waiting' && here(each)));
  // A wave whose nodes were all forgotten proves nothing and holds nothing up: the next one is the first to be watched.
  const hasProof = present.length === 0 || present.some(({ state }) => state === 'done' || state === 'left');
  const isSoaking = !isOpenInWave && hasProof;
  // What was measured before a restart of the coordinator is gone: the watch begins anew.
  const soakUntilMs =
    rollout.soakFromMs === null ? null : Math.max(rollout.soakFromMs, view.startedMs) + rollout.soakMs;
  const passed = isSoaking && told.length === 0 && soakUntilMs !== null && nowMs >= soakUntilMs;
  const due = dueOf(standing, open);
  const stand = { passed, isSoaking, soakUntilMs, due };
  if (rollout.state === 'done') return { ...stand, waitsFor: null, reason: doneReason(rollout, away.length) };
  if (rollout.state !== 'running') return { ...stand, waitsFor: null, reason: rollout.reason };
  const held = told.length > 0 && due.length === 0 ? whyHeld(standing, told) : null;
  if (held) return { ...stand, waitsFor: held.for, reason: held.why };
  if (told.length > 0 || (isOpenInWave && due.length > 0))
    return { ...stand, waitsFor: 'nodes', reason: `waits for ${listInWords([...told, ...due].map(name))}` };
  if (isOpenInWave) return { ...stand, ...whyNobodyIsDue(standing, open) };
  if (!hasProof && away.length > 0)
    return { ...stand, waitsFor: 'away', reason: `waits for ${listInWords(away.map(name))}, away now` };
  if (!hasProof)
    return {
      ...stand,
      waitsFor: 'nodes',
      reason: `nobody of wave ${rollout.wave + 1} got it: abort it, or roll it back`,
    };
  if (!passed) return { ...stand, waitsFor: 'soak', reason: `watches wave ${rollout.wave + 1}` };
  if (needsApproval(rollout))
    return { ...stand, waitsFor: 'approval', reason: `waits for a person to approve wave ${rollout.wave + 2}` };
  return { ...stand, waitsFor: 'nodes', reason: 'the next wave begins' };
}

/** What all that were told wait for, of which the first one is named; null: something goes on. */
function whyHeld({ view, rollout, nowMs, timeZone }: Standing, told: readonly RolloutSubjectRow[]): Wait | null {
  const { stand, waitsFor } = kindOf(rollout.what);
  const like = rollout as RolloutOf<'node-agent'>;
  const [first] = told;
  if (!waitsFor || !first || told.some((each) => stand(view, like, each) !== 'held')) return null;
  return waitsFor({ view, restarts: () => restartsOf(view, [], nowMs), nowMs, timeZone }, like, first);
}
function doneReason({ reason }: RolloutRow, away: number): string {
  return away > 0 ? `${counted(away, 'node')} that ${away === 1 ? 'is' : 'are'} away will follow` : reason;
}
/** Whether a person must approve what follows the present wave. */
export function needsApproval({ approval, wave, waves, approvedWaves }: RolloutRow): boolean {
  if (wave + 1 >= waves || approvedWaves > wave + 1) return false;
  return approval === 'each' || (approval === 'first' && wave === 0);
}

function whyNobodyIsDue({ view, rollout, subjects, nowMs, timeZone }: Standing, open: readonly RolloutSubjectRow[]) {
  if (!isOpen(rollout.windows, nowMs, timeZone))
    return { waitsFor: 'window' as const, reason: `waits for its window: ${windowsInWords(rollout.windows)}` };
  if (open.some(({ subject }) => isFrozen(view, rollout, subject)))
    return { waitsFor: 'nodes' as const, reason: 'too many nodes are away at once: nothing new begins' };
  const named = (rows: readonly RolloutSubjectRow[]) =>
    listInWords(rows.map(({ subject }) => nameOf(view, rollout, subject)));
  const gone = subjects.filter((each) => isTouched(each) && !isHere(view, rollout, each.subject));
  if (gone.length > 0)
    return {
      waitsFor: 'away' as const,
      reason: `waits for ${named(gone)}: with the change and away, and no more may be`,
    };
  const names = named(subjects.filter((each) => isUnfinished(view, rollout, each)));
  return { waitsFor: 'nodes' as const, reason: `waits for ${names}: late, and may still be at work on the change` };
}

function dueOf({ view, rollout, subjects, nowMs, timeZone }: Standing, open: readonly RolloutSubjectRow[]) {
  const isGoing = rollout.state === 'running' || rollout.state === 'done';
  if (!isGoing || open.length === 0 || !isOpen(rollout.windows, nowMs, timeZone)) return [];
  // The next step judges a failure that is told from outside. Nobody is next before that.
  const hasUnjudged = subjects.some(({ state, report }) => state === 'told' && report?.state === 'failed');
  if (rollout.driver === 'outside' && hasUnjudged) return [];
  const begun = (each: RolloutSubjectRow) => isUnfinished(view, rollout, each);
  const mayBeTold = open.filter(({ subject }) => !isFrozen(view, rollout, subject));
  // Who is still at work on an order that was given up takes the room first, and hears its order again.
  const due = [...mayBeTold.filter(begun), ...mayBeTold.filter((each) => !begun(each))];
  const unavailable = subjects.filter(
    (each) =>
      each.state === 'told' ||
      (isTouched(each) && !isHere(view, rollout, each.subject)) ||
      (begun(each) && !mayBeTold.includes(each)),
  ).length;
  return due.slice(0, Math.max(0, rollout.maxUnavailable - unavailable));
}
/** It was told, its time is over, and it has not said that it is done: it may still be at work. One that said nothing at all is not waited for. */
function isUnfinished(view: View, rollout: RolloutRow, subject: RolloutSubjectRow): boolean {
  const { state, toldMs, report } = subject;
  if (state === 'failed' ? report === undefined : state !== 'waiting' || toldMs === 0) return false;
  return kindOf(rollout.what).stand(view, rollout as RolloutOf<'node-agent'>, subject) === 'under-way';
}
