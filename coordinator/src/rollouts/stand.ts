// Where a rollout stands: what it waits for, in a word and in words, whether its present wave has passed, and who may be told now. The step
// (step.ts), the pages of people and the turns of a playbook all read it here. Pure.
import { counted, listInWords, type RolloutView } from '@blackroad/protocol';
import type { Policy } from '../state/input.ts';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';
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
  const gone = subjects.filter((each) => isTouched(each) && !isHere(view, rollout, each.subject));
  const names = listInWords(gone.map(({ subject }) => nameOf(view, rollout, subject)));
  return { waitsFor: 'away' as const, reason: `waits for ${names}: with the change and away, and no more may be` };
}

function dueOf({ view, rollout, subjects, nowMs, timeZone }: Standing, open: readonly RolloutSubjectRow[]) {
  const isGoing = rollout.state === 'running' || rollout.state === 'done';
  if (!isGoing || open.length === 0 || !isOpen(rollout.windows, nowMs, timeZone)) return [];
  // The next step judges a failure that is told from outside. Nobody is next before that.
  const hasUnjudged = subjects.some(({ state, report }) => state === 'told' && report?.state === 'failed');
  if (rollout.driver === 'outside' && hasUnjudged) return [];
  const unavailable = subjects.filter(
    (each) => each.state === 'told' || (isTouched(each) && !isHere(view, rollout, each.subject)),
  ).length;
  const room = Math.max(0, rollout.maxUnavailable - unavailable);
  return open.filter(({ subject }) => !isFrozen(view, rollout, subject)).slice(0, room);
}
