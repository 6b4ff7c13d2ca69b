// Which machines restart now because a rollout told them to, by site: no second one of a site may begin meanwhile. In: the view, and what the
// present decision has changed already. Pure. [INV-os-restart]
import { osOrderMs } from '@blackroad/protocol';
import type { Change } from '../state/change.ts';
import { type RolloutSubjectRow, subjectKey } from '../state/rollout-rows.ts';
import type { View } from '../state/view.ts';

/** An order is void at its node this long after it came; until then it may be on its way. */
const orderOutMs = 2 * osOrderMs;
/** The nodes of each site. */
export type Restarts = Map<string, Set<string>>;

/** Of all rollouts of the operating system, those that are over too: an order that was given stays given. */
export function restartsOf(view: View, changes: readonly Change[], nowMs: number): Restarts {
  const fresh = new Map<string, RolloutSubjectRow>();
  for (const change of changes) if (change.type === 'rollout-subject') fresh.set(subjectKey(change.row), change.row);
  const restarts: Restarts = new Map();
  for (const [rollout, keys] of view.subjectsByRollout) {
    if (view.rollouts.get(rollout)?.what.kind !== 'os') continue;
    for (const key of keys) {
      const row = fresh.get(key) ?? view.rolloutSubjects.get(key);
      if (row && mayRestart(view, row, nowMs)) noteRestart(restarts, view, row.subject);
    }
  }
  return restarts;
}
export function noteRestart(restarts: Restarts, view: View, node: string): void {
  const site = view.nodes.get(node)?.site;
  if (site !== undefined) restarts.set(site, (restarts.get(site) ?? new Set()).add(node));
}

/** It was told to, and has not said what became of it: it is down, or the order may still reach it. */
function mayRestart(view: View, { subject, os, report, orderedMs }: RolloutSubjectRow, nowMs: number): boolean {
  if (!os?.isRestart) return false;
  const isOver = report?.version === 'restart' && report.state !== 'restarting' && report.state !== 'begun';
  if (isOver) return false;
  return nowMs < orderedMs + orderOutMs || view.nodes.get(subject)?.presence !== 'online';
}
