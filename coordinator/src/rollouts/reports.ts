// What is told of the subjects of a rollout: by a node, of its update; and by what installs it from outside. Only what the rollout ordered is
// heard, and only of a node of it. The consequences are drawn by the next step.
import type { EventParams, RolloutReport, UpdateState } from '@blackroad/protocol';
import { refuse } from '../state/decision.ts';
import { change, type Draft, decided, openDraft, remark } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { RolloutSubjectRow } from '../state/rollout-rows.ts';
import { standOf } from './stand.ts';
import { subjectsOf } from './subjects.ts';
import { closeWork, openWork, tell, turn } from './work.ts';

const maxStep = 500;

/** An event `update` of a node. */
export function hearUpdate(draft: Draft, node: string, { rollout, version, state, text }: EventParams<'update'>): void {
  const row = draft.view.rolloutSubjects.get(`${rollout}/${node}`);
  const what = draft.view.rollouts.get(rollout)?.what;
  const isOrdered = what?.kind === 'node-agent' && (version === what.version || version === row?.was);
  if (!row || !isOrdered || row.state === 'waiting' || row.state === 'returned') {
    remark(draft, 'stale-update', `${node} tells ${state} of ${version} in ${rollout}, which is not its order`);
    return;
  }
  const step = `${state}${text === '' ? '' : `: ${text}`}`.slice(0, maxStep);
  const told: RolloutSubjectRow = { ...row, step, report: { version, state }, sinceMs: draft.nowMs };
  if (row.step !== step || row.report?.version !== version || row.report.state !== state)
    change(draft, { type: 'rollout-subject', row: told });
}

/** An event `os-update` of a node. Of the packages nothing more is heard once the restart was ordered, but that it is not needed any more. */
export function hearOsUpdate(draft: Draft, node: string, told: EventParams<'os-update'>): void {
  const { rollout, job, state, text, restart = false } = told;
  const row = draft.view.rolloutSubjects.get(`${rollout}/${node}`);
  const what = draft.view.rollouts.get(rollout)?.what;
  const isRestart = row?.os?.isRestart === true;
  const isOrdered =
    what?.kind === 'os' &&
    (job === 'restart' ? isRestart : job === what.packages && (!isRestart || (state === 'updated' && !restart)));
  if (!row || !isOrdered || row.state === 'waiting') {
    remark(draft, 'stale-update', `${node} tells ${state} of ${job} in ${rollout}, which is not its order`);
    return;
  }
  const step = `${state}${text === '' ? '' : `: ${text}`}`.slice(0, maxStep);
  const os = state === 'updated' ? { needsRestart: restart, isRestart } : row.os;
  const next: RolloutSubjectRow = { ...row, step, report: { version: job, state }, ...(os ? { os } : {}) };
  if (JSON.stringify(next) !== JSON.stringify(row))
    change(draft, { type: 'rollout-subject', row: { ...next, sinceMs: draft.nowMs } });
}

const outside: Record<Exclude<RolloutReport['state'], 'begun'>, UpdateState | 'installed'> = {
  installed: 'installed',
  failed: 'failed',
  returned: 'committed',
};
/** What a node is when the report says nothing new. */
const reached = { installed: 'done', failed: 'failed', returned: 'returned' } as const;
export const reportRollout: Decide<'rollout-report'> = (view, { id, report }, nowMs, policy) => {
  const draft = openDraft(view, nowMs);
  const rollout = view.rollouts.get(id);
  if (!rollout) return refuse('no-such-rollout', `There is no rollout ${id}.`);
  if (rollout.driver !== 'outside' || rollout.what.kind !== 'node-agent')
    return refuse(
      'conflict',
      `The coordinator itself carries out ${id}: only one that is installed from outside is reported on.`,
    );
  const { node, state, text = '' } = report;
  const work = openWork(draft, rollout, policy);
  const row = work.subjects.find(({ subject }) => subject === node);
  if (!row) return refuse('no-such-node', `${node} is not in the rollout ${id}.`);
  if (state === 'begun') {
    if (row.state === 'told') return decided(draft);
    const { due, reason } = standOf({
      view,
      rollout,
      subjects: subjectsOf(view, id),
      nowMs,
      timeZone: policy.timeZone,
    });
    if (!due.some(({ subject }) => subject === node))
      return refuse('conflict', `${node} is ${row.state}, and not next: ${reason === '' ? rollout.state : reason}.`);
    tell(work, row);
    closeWork(work);
    return decided(draft);
  }
  // Its hello may have been quicker than the report, and a report may come twice.
  if (row.state === reached[state]) return decided(draft);
  const mayBe = state === 'returned' ? ['returning', 'failed', 'done', 'told'] : ['told'];
  if (!mayBe.includes(row.state)) return refuse('conflict', `${node} is ${row.state}: ${state} does not follow.`);
  const version = state === 'returned' ? row.was : rollout.what.version;
  turn(work, { ...row, report: { version, state: outside[state] } }, row.state, text.slice(0, maxStep) || state);
  return decided(draft);
};
