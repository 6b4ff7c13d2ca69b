// The changes that are a reason to plan, and their urgency; called before a change is applied, as its previous state is in the view. Pure.
import type { NodeCapacity } from '@blackroad/protocol';
import { closedByHealth, signsOf } from '../../fleet/health.ts';
import type { Change } from '../../state/change.ts';
import type { Policy } from '../../state/input.ts';
import type { NodeRow } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import { isGraceOver } from '../model/need.ts';

/** `urgent`: an agent has no node, or a lost one. `ordinary`: the next plan may differ from the last. */
export type Urgency = 'urgent' | 'ordinary';
type Of<T extends Change['type']> = Extract<Change, { type: T }>;

export function planForAgent(view: View, { row }: Of<'agent'>): Urgency | null {
  const before = view.agents.get(row.id);
  const isWanted = row.placement === null && (!before || before.placement !== null || before.version !== row.version);
  if (isWanted) return 'urgent';
  // It may leave room for an agent that waits. [INV-placed]
  const leaves = before?.placement && (before.placement.node !== row.placement?.node || before.version !== row.version);
  // Its move was given up: it may need another one.
  const stays = before?.placement?.leaving && !row.placement?.leaving;
  return leaves || stays ? 'ordinary' : null;
}

export function planForNode(view: View, { row }: Of<'node'>): Urgency | null {
  const before = view.nodes.get(row.id);
  if (!before) return 'ordinary';
  const isLost = row.presence === 'lost' && before.presence !== 'lost';
  if (isLost || before.status !== row.status || before.draining !== row.draining) return 'urgent';
  return isAsItWas(view, row) && before.cordoned === row.cordoned ? null : 'ordinary';
}
/** Whether the fields of a node that placement uses for its agents are unchanged. */
export function isAsItWas(view: View, row: NodeRow): boolean {
  const before = view.nodes.get(row.id);
  return (
    before?.presence === row.presence &&
    before.status === row.status &&
    before.draining === row.draining &&
    before.class === row.class &&
    before.site === row.site &&
    before.labels === row.labels
  );
}

export function planForCapacity(view: View, { node, capacity }: Of<'capacity'>): Urgency | null {
  const before = view.live.get(node)?.capacity;
  return before && outline(before) === outline(capacity) ? null : 'ordinary';
}
/**
 * Equal for capacities of which the same agents could be placed for good: free memory and disk, slots and speeds change all the time, and
 * agents that wait for those are asked again in the slow round.
 */
function outline(capacity: NodeCapacity): string {
  const { models, defaultChat, pulls, fetchable, memoryTotalBytes, board, pricePerMillionTokens } = capacity;
  const offers = models.map(({ name, aliases, runtime, kind, contextTokens, resident, tools }) => {
    return [name, aliases, runtime, kind, contextTokens, resident, tools];
  });
  return JSON.stringify([offers, defaultChat, pulls, fetchable, memoryTotalBytes, board, pricePerMillionTokens]);
}

/** The end of a sign that kept new agents away is a reason to plan: an agent may wait for it. [INV-placed] */
export function planForHealth(view: View, { node, health }: Of<'health'>): Urgency | null {
  const live = view.live.get(node);
  if (!live || closedByHealth(live) === null) return null;
  const signs = signsOf(health, view.nodes.get(node)?.info ?? null, live.signs);
  return closedByHealth({ signs }) === null ? 'ordinary' : null;
}

/** The first hello of a node since the start is a reason to plan: an agent may wait for it. */
export function planForHello(view: View, { node }: Of<'hello'>): Urgency | null {
  return view.live.get(node)?.helloBoot === null ? 'ordinary' : null;
}
/** The end of the grace period after a start is a reason to plan. */
export function planForTick(view: View, { atMs }: Of<'ticked'>, policy: Policy): Urgency | null {
  const isNews = !isGraceOver(view, policy) && isGraceOver({ startedMs: view.startedMs, tickedMs: atMs }, policy);
  return isNews ? 'urgent' : null;
}

/** An agent leaves a draining node when the last task that it works on has ended or is queued again. [INV-drained] */
export function planForEndOfWork(view: View, task: string): Urgency | null {
  const agent = view.tasks.get(task)?.agent ?? '';
  const node = view.agents.get(agent)?.placement?.node ?? '';
  return view.nodes.get(node)?.draining && view.work.get(agent)?.leased.size === 1 ? 'ordinary' : null;
}
