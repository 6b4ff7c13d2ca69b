// Rollouts of a change to the specs of agents. An agent has one spec, so the subjects are agents and not nodes. The way back is a further
// version with the spec before. An agent that a person changed since is left as that person wants it.
import { type AgentChange, type AgentSpec, coordinatorSelf, listInWords } from '@blackroad/protocol';
import { nextVersion, putSpec, refuseTooLarge } from '../../fleet/agents.ts';
import type { Draft } from '../../state/draft.ts';
import type { Policy } from '../../state/input.ts';
import type { RolloutSubjectRow } from '../../state/rollout-rows.ts';
import type { View } from '../../state/view.ts';
import type { Kind } from '../kind.ts';

export const agentKind: Kind<'agent'> = {
  of: 'agent',
  // A model may have to be fetched.
  patienceMs: 3_600_000,
  words: ({ change }) => `agents with other ${listInWords(Object.keys(change), 'and', 6)}`,
  fault: () => null,
  before(view, { what: { change } }, id) {
    const row = view.agents.get(id);
    if (!row) return { why: 'is not there any more' };
    if (!row.placement) return { why: 'is on no node' };
    if (JSON.stringify(changed(row.spec, change)) === JSON.stringify(row.spec)) return { why: 'has it already' };
    return { was: `version ${row.version}`, wasSpec: row.spec };
  },
  order(draft, { what: { change } }, subject, policy) {
    return subject.orders > 0 ? subject : respecified(draft, subject, (spec) => changed(spec, change), policy);
  },
  stand(view, _rollout, subject) {
    const row = view.agents.get(subject.subject);
    if (!row) return { left: 'it was removed' };
    if (subject.version === undefined) return { failed: subject.step };
    if (row.version !== subject.version) return { left: 'a person changed it since' };
    const isHere = row.placement !== null && view.nodes.get(row.placement.node)?.presence === 'online';
    return isHere && view.observed.get(row.id)?.state === 'ready' ? 'there' : 'under-way';
  },
  orderBack(draft, _rollout, subject, policy) {
    const { wasSpec } = subject;
    if (!wasSpec || !isOurs(draft.view, subject) || subject.orders > 0) return subject;
    // Its name may have changed since, which is no part of the rollout.
    return respecified(draft, subject, ({ name }) => ({ ...wasSpec, name }), policy);
  },
  isBack: (view, _rollout, subject) =>
    !isOurs(view, subject) || (subject.state === 'returning' && subject.orders > 0) || subject.version === undefined,
};

/** Whether its spec is the last one that the rollout made. */
function isOurs(view: View, { subject, version }: RolloutSubjectRow): boolean {
  return view.agents.get(subject)?.version === version;
}
function changed(spec: AgentSpec, change: AgentChange): AgentSpec {
  const { maxTokens, contextTokens, ...rest } = change;
  const limits = {
    ...spec.limits,
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
  };
  return { ...spec, ...rest, limits };
}
function respecified(
  draft: Draft,
  subject: RolloutSubjectRow,
  next: (spec: AgentSpec) => AgentSpec,
  { timeZone }: Policy,
): RolloutSubjectRow {
  const before = draft.agents.get(subject.subject);
  if (!before) return subject;
  const row = nextVersion(before, next(before.spec), draft.nowMs);
  const tooLarge = refuseTooLarge(draft, row);
  if (tooLarge) {
    const { outcome } = tooLarge;
    return { ...subject, step: outcome.ok ? '' : (outcome.details.detail ?? outcome.code) };
  }
  putSpec(draft, { ...coordinatorSelf, space: row.space }, before, row, timeZone);
  return { ...subject, version: row.version };
}
