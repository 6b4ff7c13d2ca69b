// Checks whether an agent, a task or a command in a node's message ever belonged to that node. The certificate proves the sender of a
// message, not that the named thing was ever its own. In: the view, and the ids in a message. Out: yes or no, and the words of a refusal.
// The holders of an agent's latest placements are stored by epoch (`maxHoldersPerAgent`), also after its removal.
import { type MemoryEntry, maxNodeImportance } from '@blackroad/protocol';
import { type Draft, remark } from '../state/draft.ts';
import type { View } from '../state/view.ts';

/** Whether the agent is or was placed on this very node under this epoch. */
export function heldBy(view: View, agent: string, epoch: number, node: string): boolean {
  return isIts(view, node, (holder) => holder.epoch === epoch, agent);
}
/** Whether the agent is or was placed on this node. */
export function everHeldBy(view: View, agent: string, node: string): boolean {
  return isIts(view, node, () => true, agent);
}
type Holder = NonNullable<ReturnType<View['holders']['get']>>[number];
function isIts(view: View, node: string, fits: (holder: Holder) => boolean, agent: string): boolean {
  // A forgotten machine and another one that joined under its name are two nodes.
  const joinedMs = view.nodes.get(node)?.enrolledMs;
  const holders = view.holders.get(agent) ?? [];
  return holders.some((holder) => holder.node === node && holder.joinedMs === joinedMs && fits(holder));
}

/** Checks the author of an entry that this node wrote, which may be its agent or the node itself; null: nothing is wrong. */
export function actorFault(view: View, node: string, { agentId, actorId, kind, seq }: MemoryEntry): string | null {
  if (actorId === `agent:${agentId}` || actorId === `node:${node}`) return null;
  // A merged entry has the name of the node whose branch it is from, and that node may be forgotten by now.
  const brought = kind === 'merge' && actorId.startsWith('node:') ? actorId.slice('node:'.length) : null;
  if (brought !== null && view.holders.get(agentId)?.some((holder) => holder.node === brought)) return null;
  // Of a placement between a backup and its restore nobody knows the holder; its branch was taken.
  if (brought !== null && view.restored !== null && view.nodes.has(brought)) return null;
  return `entry ${seq} says that ${actorId} wrote it, and ${node} did`;
}
/** An entry of a branch for the present writer: its importance and its author are limited to those that its own node could give. */
export function asWrittenBy(node: string, entry: MemoryEntry): MemoryEntry {
  const isItsOwn = entry.actorId === `agent:${entry.agentId}` || entry.actorId === `node:${node}`;
  const { payload } = entry;
  const isHeavy = payload !== null && payload.importance > maxNodeImportance;
  if (isItsOwn && !isHeavy) return entry;
  return {
    ...entry,
    actorId: isItsOwn ? entry.actorId : `node:${node}`,
    payload: isHeavy ? { ...payload, importance: maxNodeImportance } : payload,
  };
}

export const notItsOwn = 'not-its-own';
/** Adds the refusal as a remark. `judged` counts it at the node and writes the event. */
export function refuseNotItsOwn(draft: Draft, node: string, text: string): void {
  remark(draft, notItsOwn, `${node}: ${text}`);
}
