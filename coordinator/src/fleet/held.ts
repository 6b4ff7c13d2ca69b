// Whose is it: the home of the question that every word of a node about an agent, a task or a command is asked first. A node is let in
// by its certificate; that says who speaks, not that the thing it speaks of was ever its own. In: the view, and what a message
// names. Out: yes or no, and the words of a refusal. Who held an agent under which epoch is kept for good, as its memory is.
import { type MemoryEntry, maxNodeImportance } from '@blackroad/protocol';
import { type Draft, remark } from '../state/draft.ts';
import type { View } from '../state/view.ts';

/** The agent was placed on this very node under this epoch: now, or once. */
export function heldBy(view: View, agent: string, epoch: number, node: string): boolean {
  return isIts(view, node, (holder) => holder.epoch === epoch, agent);
}
/** The agent was placed on this node at some time. */
export function everHeldBy(view: View, agent: string, node: string): boolean {
  return isIts(view, node, () => true, agent);
}
type Holder = NonNullable<ReturnType<View['holders']['get']>>[number];
function isIts(view: View, node: string, fits: (holder: Holder) => boolean, agent: string): boolean {
  // A machine that was forgotten, and another that came under its name, are two nodes.
  const joinedMs = view.nodes.get(node)?.enrolledMs;
  const holders = view.holders.get(agent) ?? [];
  return holders.some((holder) => holder.node === node && holder.joinedMs === joinedMs && fits(holder));
}

/** Who may stand as the author of an entry that this node wrote: its agent and the node itself; null: nothing is wrong. */
export function actorFault(view: View, node: string, { agentId, actorId, kind, seq }: MemoryEntry): string | null {
  if (actorId === `agent:${agentId}` || actorId === `node:${node}`) return null;
  // What it brought in of another node's branch carries the name of that one, which may be forgotten by now.
  const brought = kind === 'merge' && actorId.startsWith('node:') ? actorId.slice('node:'.length) : null;
  if (brought !== null && view.holders.get(agentId)?.some((holder) => holder.node === brought)) return null;
  return `entry ${seq} says that ${actorId} wrote it, and ${node} did`;
}
/** An entry of a branch as the present writer gets it: with no more weight, and no other author, than its node could give it. */
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
/** Turned down. `judged` counts it at the node and tells people. */
export function refuseNotItsOwn(draft: Draft, node: string, text: string): void {
  remark(draft, notItsOwn, `${node}: ${text}`);
}
