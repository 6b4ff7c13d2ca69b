// A rollout while a decision works on it: its row and its subjects with what this decision changed, and the few ways in which they change.
// [INV-rollout]
import { type GateView, maxRolloutOrdersAtOnce, type RolloutKind, type SubjectState } from '@blackroad/protocol';
import { change, type Draft, noteEvent } from '../state/draft.ts';
import type { Policy } from '../state/input.ts';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import { addSums, noSums } from '../state/sums.ts';
import { judge } from './gates.ts';
import type { Now, RolloutOf, WayBack } from './kind.ts';
import { kindOf } from './kinds.ts';
import { noteRestart, type Restarts, restartsOf } from './restarts.ts';
import { evidenceOf, isHere, subjectsOf } from './subjects.ts';

export interface Work {
  readonly draft: Draft;
  readonly policy: Policy;
  readonly before: RolloutRow;
  rollout: RolloutRow;
  readonly subjects: RolloutSubjectRow[];
  /** Subjects whose sums begin anew with this decision. */
  readonly anew: Set<string>;
  /** Orders that this decision may still give. */
  left: number;
  /** Found when first asked for, as most rollouts restart nobody. */
  restarts: Restarts | null;
}
type AnyRollout = RolloutOf<'node-agent'>;

/** An order is repeated while nothing is heard of it: first after this time, then after twice as long. */
const repeatMs = 30_000;
const maxRepeatMs = 600_000;

export function openWork(draft: Draft, rollout: RolloutRow, policy: Policy): Work {
  const subjects = subjectsOf(draft.view, rollout.id);
  return {
    draft,
    policy,
    before: rollout,
    rollout,
    subjects,
    anew: new Set(),
    left: maxRolloutOrdersAtOnce,
    restarts: null,
  };
}
/** Its row is stored once for each decision. */
export function closeWork({ draft, before, rollout }: Work): void {
  if (rollout !== before) change(draft, { type: 'rollout', row: rollout });
}
export function setRollout(work: Work, edit: Partial<RolloutRow>): void {
  work.rollout = { ...work.rollout, ...edit };
}
function setSubject(work: Work, row: RolloutSubjectRow): RolloutSubjectRow {
  const at = work.subjects.findIndex(({ subject }) => subject === row.subject);
  work.subjects[at] = row;
  change(work.draft, { type: 'rollout-subject', row });
  return row;
}

/** Gives the first order; what is measured from now on is no part of its past. */
export function tell(work: Work, subject: RolloutSubjectRow): void {
  const { draft, rollout, policy } = work;
  const { nowMs, view } = draft;
  const { of, order } = kindOf(rollout.what);
  const sums = (of === 'node' ? view.nodeSums : view.agentSums).get(subject.subject) ?? noSums;
  const fresh = { ...begun(subject, 'told', nowMs), past: addSums(subject.past, sums) };
  const ordered = order(draft, rollout as AnyRollout, fresh, policy);
  setSubject(work, { ...ordered, orders: 1, orderedMs: nowMs });
  work.left--;
}
function begun(subject: RolloutSubjectRow, state: SubjectState, nowMs: number): RolloutSubjectRow {
  const { report: _, os: __, ...rest } = subject;
  return { ...rest, state, step: '', toldMs: nowMs, orderedMs: nowMs, orders: 0, sinceMs: nowMs };
}
/** Repeats an order of which nothing is heard; an absent one hears it when it is back. */
export function tellAgain(work: Work, subject: RolloutSubjectRow): void {
  const { draft, rollout, policy } = work;
  const { orders, orderedMs } = subject;
  const waitMs = Math.min(maxRepeatMs, repeatMs * 2 ** Math.min(orders - 1, 10));
  if (work.left <= 0 || draft.nowMs - orderedMs < waitMs || !isHere(draft.view, rollout, subject.subject)) return;
  const kind = kindOf(rollout.what);
  const isReturning = subject.state === 'returning';
  if (!isReturning && kind.waitsFor?.(nowOf(work), rollout as AnyRollout, subject)) return;
  const give = isReturning && 'orderBack' in kind ? kind.orderBack : kind.order;
  setSubject(work, {
    ...give(draft, rollout as AnyRollout, subject, policy),
    orders: orders + 1,
    orderedMs: draft.nowMs,
  });
  work.left--;
}
/** Gives the order that follows the one which was carried out, where it has not to wait; its patience begins anew. */
export function tellOn(work: Work, subject: RolloutSubjectRow): void {
  const { draft, rollout, policy } = work;
  const { order, waitsFor } = kindOf(rollout.what);
  const like = rollout as AnyRollout;
  if (work.left <= 0 || !isHere(draft.view, rollout, subject.subject) || waitsFor?.(nowOf(work), like, subject)) return;
  const ordered = order(draft, like, { ...subject, toldMs: draft.nowMs, sinceMs: draft.nowMs }, policy);
  setSubject(work, { ...ordered, orders: 1, orderedMs: draft.nowMs });
  if (ordered.os?.isRestart && work.restarts) noteRestart(work.restarts, draft.view, subject.subject);
  work.left--;
}
function nowOf(work: Work): Now {
  const { view, changes, nowMs } = work.draft;
  const restarts = () => {
    work.restarts ??= restartsOf(view, changes, nowMs);
    return work.restarts;
  };
  return { view, restarts, nowMs, timeZone: work.policy.timeZone };
}
/** Gives the order to go back. */
export function sendBack(work: Work, subject: RolloutSubjectRow, { orderBack }: WayBack<RolloutKind>): void {
  const { draft, rollout, policy } = work;
  const fresh = begun(subject, 'returning', draft.nowMs);
  const ordered = orderBack(draft, rollout as AnyRollout, fresh, policy);
  setSubject(work, { ...ordered, orders: 1, orderedMs: draft.nowMs });
  work.left--;
}

/** The subject got there: what is measured of it begins anew. */
export function arrive(work: Work, subject: RolloutSubjectRow): void {
  const { draft, rollout } = work;
  setSubject(work, { ...subject, state: 'done', step: '', sinceMs: draft.nowMs });
  work.anew.add(subject.subject);
  change(draft, { type: 'measured-anew', of: kindOf(rollout.what).of, id: subject.subject });
}
/** It has what it had before: what was measured meanwhile is no past that the next change could be compared with. */
export function comeBack(work: Work, subject: RolloutSubjectRow): void {
  const { draft, rollout } = work;
  turn(work, subject, 'returned', '');
  change(draft, { type: 'measured-anew', of: kindOf(rollout.what).of, id: subject.subject, past: subject.past });
}
export function turn(work: Work, subject: RolloutSubjectRow, state: SubjectState, step = subject.step): void {
  setSubject(work, { ...subject, state, step, sinceMs: work.draft.nowMs });
}

export function judgeWork({ draft, rollout, subjects, anew }: Work): GateView[] {
  return judge(rollout.gates, evidenceOf(draft.view, rollout, subjects, draft.nowMs, anew));
}
/** Begins the way back; it ends in `goal`. */
export function goBack(work: Work, goal: NonNullable<RolloutRow['goal']>, reason: string): void {
  const { rollout } = work;
  setRollout(work, { state: 'rolling-back', goal, reason, endedMs: null, judged: rollout.judged ?? judgeWork(work) });
}
export function end(work: Work, state: 'done' | 'rolled-back' | 'aborted', reason: string): void {
  const { draft, rollout } = work;
  setRollout(work, { state, reason, judged: rollout.judged ?? judgeWork(work), endedMs: draft.nowMs });
  noteEvent(draft, 'rollout-ended', { rollout: rollout.id, what: rollout.text, how: state, reason });
}
