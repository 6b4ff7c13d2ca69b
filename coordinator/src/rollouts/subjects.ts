// The subjects of a rollout as the view shows them: in their order, whether they are here, where they are, and what was measured of them. Pure.
import { switchMs } from '@blackroad/protocol';
import type { RolloutRow, RolloutSubjectRow } from '../state/rollout-rows.ts';
import { freezeAt, type NodeRow } from '../state/rows.ts';
import { noSums } from '../state/sums.ts';
import { agentNameOf, type View } from '../state/view.ts';
import type { Evidence, Measured } from './gates.ts';
import { kindOf } from './kinds.ts';

export function subjectsOf(view: View, rollout: string): RolloutSubjectRow[] {
  const rows = [...(view.subjectsByRollout.get(rollout) ?? [])].flatMap((key) => view.rolloutSubjects.get(key) ?? []);
  return rows.sort((a, b) => a.place - b.place);
}

/** The node that a subject is, or that it is on. */
export function nodeOf(view: View, { what }: Pick<RolloutRow, 'what'>, id: string): NodeRow | undefined {
  if (kindOf(what).of === 'node') return view.nodes.get(id);
  const node = view.agents.get(id)?.placement?.node;
  return node === undefined ? undefined : view.nodes.get(node);
}
export function nameOf(view: View, { what }: Pick<RolloutRow, 'what'>, id: string): string {
  return kindOf(what).of === 'node' ? id : agentNameOf(view, id);
}
export function isHere(view: View, rollout: Pick<RolloutRow, 'what'>, id: string): boolean {
  const node = nodeOf(view, rollout, id);
  return node?.presence === 'online' && node.status === 'active';
}
/** The valve holds there: too many are away at once, so that nothing new may begin and an absence is no one's fault. */
export function isFrozen(view: View, rollout: Pick<RolloutRow, 'what'>, id: string): boolean {
  const node = nodeOf(view, rollout, id);
  return node !== undefined && freezeAt(view.frozen, node.site) !== undefined;
}

const touched = new Set(['told', 'done', 'failed', 'returning']);
/** Whether it may have the change. */
export const isTouched = ({ state }: Pick<RolloutSubjectRow, 'state'>): boolean => touched.has(state);

const nobody: ReadonlySet<string> = new Set();
/** `anew`: those whose sums begin anew with this decision, which the view does not show yet. */
export function evidenceOf(
  view: View,
  rollout: RolloutRow,
  subjects: readonly RolloutSubjectRow[],
  nowMs: number,
  anew = nobody,
): Evidence {
  const sums = kindOf(rollout.what).of === 'node' ? view.nodeSums : view.agentSums;
  const name = (id: string) => nameOf(view, rollout, id);
  const measured = ({ subject, past }: RolloutSubjectRow): Measured => ({
    name: name(subject),
    past,
    now: (anew.has(subject) ? undefined : sums.get(subject)) ?? noSums,
  });
  const told = subjects.filter(isTouched);
  const lost: RolloutSubjectRow[] = [];
  const switching: string[] = [];
  for (const each of told) {
    const node = nodeOf(view, rollout, each.subject);
    if (node?.status === 'quarantined') lost.push(each);
    else if (node?.presence !== 'lost') continue;
    else if (isSwitching(rollout, each, nowMs)) switching.push(name(each.subject));
    else lost.push(each);
  }
  const frozen = lost.find(({ subject }) => isFrozen(view, rollout, subject));
  return {
    changed: told.filter(({ state }) => state === 'done').map(measured),
    others: subjects
      .filter(({ state, subject }) => state === 'waiting' && isHere(view, rollout, subject))
      .map(measured),
    told: told.length,
    failed: told.filter(({ state }) => state === 'failed').map(({ subject, step }) => ({ name: name(subject), step })),
    lost: lost.map(({ subject }) => name(subject)),
    switching,
    excused: frozen ? 'so many are away at once that the network or the coordinator is the likely cause' : null,
  };
}

/**
 * Its process ended to start the release that it was told, or the release on trial did: its launcher starts it again, or the one before. A
 * change that takes nodes away may do so until its patience is over.
 */
function isSwitching({ what }: RolloutRow, subject: RolloutSubjectRow, nowMs: number): boolean {
  const { state, report, sinceMs } = subject;
  if (state !== 'told') return false;
  const isOnTrial = report?.state === 'switching' || report?.state === 'soaking';
  return kindOf(what).takesAway?.(subject) === true || (isOnTrial && nowMs - sinceMs < switchMs);
}
