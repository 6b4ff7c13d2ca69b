// A planned move that is under way: the node of the agent is there, so it begins no new turn, ends what runs and brings its last memories
// before the epoch grows. Nothing of the agent is a branch afterwards. In: the placement. Out: whether it can be, for how long it may take,
// and what it waits for, in words. The move itself is made in planned-moves.ts. [decision 36] Pure.
import { counted } from '@blackroad/protocol';
import type { Draft } from '../state/draft.ts';
import type { Leaving } from '../state/leaving-row.ts';
import type { AgentRow, Placement } from '../state/rows.ts';
import type { View } from '../state/view.ts';

/** After this time the move is made all the same; entries that come later are a branch. Sending them takes a second. */
export const leaveMs = 30_000;

/** Whether the node of the placement is there and can bring the last memories of its agents. */
export function canLeave({ nodes, live }: Pick<Draft, 'nodes' | 'live'>, { node }: Pick<Placement, 'node'>): boolean {
  const row = nodes.get(node);
  const heard = live.get(node);
  return (
    row?.status === 'active' && row.presence === 'online' && heard?.helloBoot === row.boot && heard.can?.drains === true
  );
}

/** The rest of the time. It begins anew with the coordinator, and after a pause of it: the node could not answer meanwhile. */
export function leavingLeftMs(view: View, { waitsFromMs }: Leaving, nowMs: number): number {
  const fromMs = Math.max(waitsFromMs, view.startedMs, view.resumedMs ?? 0);
  // A clock that was set back while no process ran must not make it endless.
  return Math.min(leaveMs, Math.max(0, fromMs + leaveMs - nowMs));
}

/** What the move waits for, in words; null: none is under way. */
export function leavingText(view: View, { id, placement }: AgentRow): string | null {
  if (!placement?.leaving) return null;
  const { node, epoch, leaving } = placement;
  const where =
    leaving.to === null ? '' : leaving.to.node === node ? ` for ${leaving.to.model}` : ` for ${leaving.to.node}`;
  return `leaving ${node}${where}: ${waitsFor(view, id, node, epoch)}`;
}
function waitsFor(view: View, id: string, node: string, epoch: number): string {
  const tasks = view.work.get(id)?.leased.size ?? 0;
  if (tasks > 0) return `waits for the end of ${counted(tasks, 'task')}`;
  const observed = view.observed.get(id);
  const isSaid = observed?.code === 'memory-leaving' && observed.node === node && observed.epoch === epoch;
  return isSaid && observed.reason ? observed.reason : `${node} is asked for its last memories`;
}
