// The sums of a view (sums.ts): where a change adds to them. Called by apply.ts alone.
import type { PastAttempt } from '@blackroad/protocol';
import type { Change } from './change.ts';
import type { Sums } from './rollout-rows.ts';
import type { EndedTask, NodeRow, TaskRow } from './rows.ts';
import { noSums, withBeat, withDone, withFailed, withReconnect } from './sums.ts';
import type { MutableView } from './view.ts';

type Of = 'node' | 'agent';
function count(view: MutableView, of: Of, id: string | null, counted: (sums: Sums) => Sums): void {
  if (id === null) return;
  const sums = of === 'node' ? view.nodeSums : view.agentSums;
  // Of a node that was forgotten nothing is measured any more.
  if (of === 'node' ? view.nodes.has(id) : view.agents.has(id)) sums.set(id, counted(sums.get(id) ?? noSums));
}

export function countBeat(view: MutableView, { node, health, atMs }: Extract<Change, { type: 'health' }>): void {
  count(view, 'node', node, (sums) => withBeat(sums, health, atMs));
}
/** A connection that broke or fell silent. What was away because the coordinator restarted, or was stopped in good order, is none. */
export function countBreak(
  view: MutableView,
  before: NodeRow | undefined,
  { id, presence, presenceCause }: NodeRow,
): void {
  if (before?.presence !== 'online' || presence === 'online') return;
  if (presenceCause === 'broken' || presenceCause === 'silent') count(view, 'node', id, withReconnect);
}
export function countEnd(view: MutableView, { agent, node, state, usage }: EndedTask): void {
  if (state === 'cancelled' || node === null) return;
  const counted = (sums: Sums) => (state === 'done' ? withDone(sums, usage) : withFailed(sums));
  count(view, 'node', node, counted);
  count(view, 'agent', agent, counted);
}
/** An attempt that failed and is repeated. */
export function countFailure(
  view: MutableView,
  { agent, past: before }: TaskRow,
  past: readonly PastAttempt[] | undefined,
): void {
  const last = past?.at(-1);
  if (last?.outcome !== 'failed' || last === before?.at(-1)) return;
  count(view, 'node', last.node, withFailed);
  count(view, 'agent', agent, withFailed);
}
/** What is measured of it begins anew, or goes on from what was measured before. */
export function markSums(view: MutableView, of: Of, id: string, past: Sums = noSums): void {
  (of === 'node' ? view.nodeSums : view.agentSums).set(id, past);
}
export function forgetSums(view: MutableView, of: Of, id: string): void {
  (of === 'node' ? view.nodeSums : view.agentSums).delete(id);
}
