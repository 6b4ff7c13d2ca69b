// The first decision after a restore from a backup. Between the backup and the restore the fleet went on: generations and epochs were given
// out, agents moved, tasks ended, of which nothing is known here. So nothing that is given out from now on may be equal to what was given out
// then: the counts jump. Every agent stays where the backup has it, under a new epoch, and is quiet as long as another node may still act
// for it. Tasks that had not ended may have been done since, and are not done twice. In: which backup it was. Out: the rows. [INV-epoch]
// [INV-generation] [INV-one-hand] [decision 23]
import { maxHoldersPerAgent, type TaskProblem } from '@blackroad/protocol';
import { change, decided, dropAgent, noteEvent, openDraft, putAgent, putNode } from '../state/draft.ts';
import type { Decide } from '../state/input.ts';
import type { AgentRow, Placement } from '../state/rows.ts';
import type { View } from '../state/view.ts';
import { endTask } from '../tasks/ends.ts';
import { longestQuietMs } from './quiet.ts';

/** More than any fleet gives out between a backup and its restore, and small enough for a million restores. */
const jump = 1_000_000;

const unknownEnd: TaskProblem = {
  code: 'restored',
  text: 'It had not ended when the backup was made from which the coordinator was restored, and may have been done since. Retry it if it still matters.',
  retryable: false,
};

export const takeRestored: Decide<'restored'> = (view, { mark }, nowMs) => {
  const draft = openDraft(view, nowMs);
  // The coordinator ended between the commit of this and the removal of the file that says so.
  if (view.restored?.lineage === mark.lineage) return decided(draft);
  const tasks = [...view.tasks.values()];
  for (const task of tasks) endTask(draft, task, { state: 'failed', problem: unknownEnd });
  for (const row of view.nodes.values()) putNode(draft, { ...row, generation: row.generation + jump });
  for (const row of view.agents.values()) {
    const again = placedAgain(view, row, nowMs);
    putAgent(draft, again);
    const { placement } = again;
    const node = placement && draft.nodes.get(placement.node);
    if (node) {
      const holder = { agent: row.id, epoch: placement.epoch, node: node.id, joinedMs: node.enrolledMs };
      change(draft, { type: 'holder', row: holder });
    }
  }
  for (const row of view.removedAgents.values()) dropAgent(draft, { ...row, epoch: row.epoch + jump });
  change(draft, { type: 'restored', row: { ...mark, tasks: tasks.length } });
  const { backupMs, restoredMs } = mark;
  const counts = { agents: view.agents.size, nodes: view.nodes.size, tasks: tasks.length };
  noteEvent(draft, 'restored', { backupMs, restoredMs, ...counts });
  // No node is connected yet, and whoever asked over MQTT before the backup waits no more.
  draft.messages.length = 0;
  return decided(draft);
};

function placedAgain(view: View, row: AgentRow, nowMs: number): AgentRow {
  const epoch = row.epoch + jump;
  const { placement: before } = row;
  const quiet = (of: number) => ({ untilMs: nowMs + longestQuietMs, boot: null, epoch: of });
  // Any node may have it now.
  if (!before) return { ...row, epoch, quiet: quiet(row.epoch) };
  const head = view.heads.get(row.id);
  const { leaving: _, ...kept } = before;
  const placement: Placement = {
    ...kept,
    epoch,
    baseSeq: head?.seq ?? 0,
    baseHash: head?.hash ?? 'genesis',
    from: null,
    quiet: quiet(before.epoch),
    restored: true,
  };
  return { ...row, epoch, placement };
}

/**
 * Whether an epoch of the agent may have been given out between a backup and its restore: nobody knows to whom. Every other epoch of an
 * agent has a holder.
 */
export function isOfLostTime(view: View, agent: string, epoch: number): boolean {
  if (!view.restored) return false;
  const highest = view.agents.get(agent)?.epoch ?? 0;
  const holders = view.holders.get(agent) ?? [];
  const [oldest] = holders;
  const mayBeForgotten = oldest !== undefined && holders.length >= maxHoldersPerAgent && epoch < oldest.epoch;
  return epoch < highest && !mayBeForgotten && !holders.some((holder) => holder.epoch === epoch);
}
