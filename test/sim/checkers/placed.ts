// [INV-placed] An agent without a node soon has one, or a reason that is still true: placement overlooks neither the agent nor a node that
// takes it until the next slow round.
import { whole } from '@blackroad/std/pace';
import { explainingAgent } from '../../../coordinator/src/placement/why/explain.ts';
import type { AgentRow } from '../../../coordinator/src/state/rows.ts';
import type { MakeChecker } from '../checker.ts';
import type { World } from '../world.ts';

/** The time for plans while the fleet changes: they wait for each other and are made anew. */
const promptMs = 5_000;
/** Free memory and learned speeds change all the time: what they refuse is asked again in the slow round only. */
const gradual: readonly string[] = ['memory', 'throughput'];

export const placed: MakeChecker = ({ world, stored, broke }) => {
  /** The time since which an agent could have a node or a reason and has neither, by id. */
  const since = new Map<string, number>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-placed',
    exercised: 0,
    committing(change) {
      if (change.type === 'agent' && !change.row.placement) checker.exercised++;
    },
    looked() {
      const { nowMs } = world.timeline;
      if (!world.host.isWell) return since.clear();
      for (const id of since.keys()) if (!stored.agents.has(id)) since.delete(id);
      for (const { id, placement, unplaced } of stored.agents.values()) {
        const fault = placement ? null : faultOf(world, id, unplaced);
        if (fault === null) {
          since.delete(id);
          continue;
        }
        const sinceMs = since.get(id) ?? nowMs;
        since.set(id, sinceMs);
        if (nowMs - sinceMs > promptMs) broke(checker.name, `${id} ${fault} for ${Math.round(nowMs - sinceMs)} ms`);
      }
    },
  };
  /** What is wrong with the reason of an agent without a node; null: nothing. */
  function faultOf(world: World, id: string, unplaced: AgentRow['unplaced']): string | null {
    // Without a node there is nothing that could refuse an agent.
    if (stored.nodes.size > 0 && (unplaced === null || unplaced.refused.length === 0))
      return 'has neither a node nor a reason';
    if (!unplaced || unplaced.refused.some(({ filter }) => gradual.includes(filter))) return null;
    return isTaken(world, id) ? `waits, though a node takes it (${unplaced.text})` : null;
  }
  return checker;
};

/** The filters are those of the coordinator; the checker judges when they are asked. */
function isTaken({ host }: World, id: string): boolean {
  const view = host.coordinator?.view;
  if (!view) return false;
  const explained = whole(explainingAgent(view, id, host.wallMs(), host.policy));
  return explained !== null && explained.node === null && explained.unplaced === null;
}
