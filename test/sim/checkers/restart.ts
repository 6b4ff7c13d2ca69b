// [INV-restart] A failure of the coordinator itself moves no agent: while a started (or resumed) coordinator waits for its nodes, no node
// is lost and no agent leaves an absent node. [INV-frozen] And no agent leaves a node where moves are frozen.

import type { DurableChange } from '../../../coordinator/src/state/change.ts';
import type { MakeChecker, Watched } from '../checker.ts';
import { holdsAt } from '../ledger.ts';

/** The absent node that an agent leaves in this change; null: it leaves none, or a person caused it. */
function leaves(
  { stored }: Watched,
  change: DurableChange,
  batch: readonly DurableChange[],
): { agent: string; node: string } | null {
  if (change.type !== 'agent') return null;
  const before = stored.agents.get(change.row.id);
  const { placement } = before ?? {};
  // A person changed the rules of the agent, and thereby unplaced it.
  if (!before || !placement || before.version !== change.row.version || before.updatedMs > placement.placedMs)
    return null;
  if (change.row.placement?.node === placement.node) return null;
  const row = stored.nodes.get(placement.node);
  if (row?.status !== 'active' || row.presence === 'online') return null;
  // A person moved the node to a site that the agent excludes, or removed its label.
  const { site, labels } = before.spec.placement;
  const hasLabels = Object.entries(labels).every(([key, value]) => row.labels[key] === value);
  if ((site.length > 0 && !site.includes(row.site)) || !hasLabels) return null;
  // A person removed the node, with all agents on it.
  if (batch.some((each) => each.type === 'node-gone' && each.id === row.id)) return null;
  return { agent: change.row.id, node: row.id };
}

export const restart: MakeChecker = (watched) => {
  const { world, stored, broke } = watched;
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-restart',
    exercised: 0,
    committing(change, batch) {
      const startedMs = world.host.listensMs;
      const isEarly =
        world.timeline.nowMs - startedMs < world.host.policy.restartGraceMs - 100 && world.host.starts > 1;
      if (!isEarly) return;
      if (change.type === 'node') {
        const before = stored.nodes.get(change.row.id);
        checker.exercised++;
        if (change.row.status === 'active' && before && before.presence !== 'lost' && change.row.presence === 'lost')
          broke(
            checker.name,
            `${change.row.id} is lost ${Math.round(world.timeline.nowMs - startedMs)} ms after a start`,
          );
      }
      const left = leaves(watched, change, batch);
      // A node with a hello since the start that disconnected again is absent for its own reasons.
      if (left && world.host.coordinator?.view.live.get(left.node)?.helloBoot == null)
        broke(
          checker.name,
          `${left.agent} leaves ${left.node} ${Math.round(world.timeline.nowMs - startedMs)} ms after a start`,
        );
    },
  };
  return checker;
};

export const frozen: MakeChecker = (watched) => {
  const { world, stored, broke } = watched;
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-frozen',
    exercised: 0,
    committing(change, batch) {
      const left = leaves(watched, change, batch);
      const view = world.host.coordinator?.view;
      if (!left || !view) return;
      checker.exercised++;
      const site = stored.nodes.get(left.node)?.site ?? '';
      const freeze = holdsAt(view.frozen, site);
      if (freeze)
        return broke(checker.name, `${left.agent} leaves ${left.node}, where moves are frozen: ${freeze.reason}`);
      // The absent nodes are counted again, from the store.
      const { valveMinNodes, valveShare, valveWindowMs } = world.host.policy;
      const nowMs = world.host.wallMs();
      if (world.host.isClockTroubled) return;
      const sites = new Set([...stored.nodes.values()].map((row) => row.site));
      let here = 0;
      let away = 0;
      for (const row of stored.nodes.values()) {
        if ((sites.size > 1 && row.site !== site) || row.status !== 'active' || row.presence === 'never') continue;
        const ageMs = nowMs - row.presenceSinceMs;
        // The tick that counts absent nodes comes within this time: until then a node that disconnected counts as online.
        const isHere = row.presence === 'online' || ageMs <= 1_000;
        const counts = ageMs < valveWindowMs && !view.excused.has(row.id) && row.presenceCause !== 'stopped';
        if (isHere) here++;
        else if (counts && row.presence === 'lost') away++;
      }
      if (away >= valveMinNodes && away > valveShare * (here + away))
        broke(checker.name, `${left.agent} leaves ${left.node} while ${away} of ${here + away} nodes there went away`);
    },
  };
  return checker;
};
