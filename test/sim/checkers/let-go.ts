// [INV-let-go] Agents that may move do move: after a loss as the agent's policy says, with its patience and not much later; a drained node
// is empty in time; the valve freezes only where enough nodes are absent, and ends the freeze when they return, without a person.
import type { NodeRow } from '../../../coordinator/src/state/rows.ts';
import type { MakeChecker, Watched } from '../checker.ts';
import { holdsAt } from '../ledger.ts';

/** The time for plans: they pause after a computation, wait for each other, and are made anew when the fleet changed meanwhile. */
const promptMs = 45_000;

/** The node that the agent leaves by a change, or null. */
function leftNode({ stored }: Watched, agent: string, to: string | null): string | null {
  const from = stored.agents.get(agent)?.placement?.node ?? null;
  return from === to ? null : from;
}

export const onLoss: MakeChecker = (watched) => {
  const { world, stored, broke } = watched;
  /** The time since which an agent could have moved and did not, by agent, epoch and node. */
  const due = new Map<string, number>();
  /** The time of a node's loss, in time that truly passes. */
  const lostMs = new Map<string, number>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-on-loss',
    exercised: 0,
    committing(change, batch) {
      const { nowMs } = world.timeline;
      if (change.type === 'node' && change.row.presence !== stored.nodes.get(change.row.id)?.presence)
        lostMs.set(change.row.id, nowMs);
      if (change.type !== 'agent') return;
      const from = leftNode(watched, change.row.id, change.row.placement?.node ?? null);
      const before = stored.agents.get(change.row.id);
      const node = from === null ? undefined : stored.nodes.get(from);
      if (!before || node?.status !== 'active' || node.presence !== 'lost') return;
      // A person changed the rules of the agent, the properties of the node, or removed the node.
      const { placement, onLoss } = before.spec;
      const hasRules = placement.site.length + placement.nodes.length + placement.avoidAgents.length > 0;
      if (before.version !== change.row.version || hasRules || Object.keys(placement.labels).length > 0) return;
      if (before.updatedMs > (before.placement?.placedMs ?? 0)) return;
      if (batch.some((each) => each.type === 'node-gone' && each.id === from)) return;
      checker.exercised++;
      if (onLoss.policy !== 'replace')
        return broke(checker.name, `${before.id} leaves ${from}, which is lost; its policy is ${onLoss.policy}`);
      const sinceMs = lostMs.get(node.id) ?? 0;
      const waitedMs = Math.round(nowMs - sinceMs);
      if (waitedMs < onLoss.afterSeconds * 1000 - 250 && sinceMs > world.host.clockLostMs)
        broke(checker.name, `${before.id} leaves ${from} after ${waitedMs} ms; it waits ${onLoss.afterSeconds} s`);
    },
    looked() {
      const { nowMs } = world.timeline;
      const { coordinator, isWell } = world.host;
      for (const { id: agent, placement, spec, unplaced } of stored.agents.values()) {
        const node = placement ? stored.nodes.get(placement.node) : undefined;
        const key = `${agent} ${placement?.epoch} ${placement?.node}`;
        const isFree =
          isWell &&
          coordinator !== null &&
          node?.status === 'active' &&
          node.presence === 'lost' &&
          spec.onLoss.policy === 'replace' &&
          unplaced === null &&
          holdsAt(coordinator.view.frozen, node.site) === null;
        if (!isFree) {
          due.delete(key);
          continue;
        }
        checker.exercised++;
        const sinceMs = due.get(key) ?? nowMs;
        due.set(key, sinceMs);
        const patienceMs = spec.onLoss.afterSeconds * 1000 + world.host.policy.restartGraceMs + promptMs;
        if (nowMs - sinceMs > patienceMs)
          broke(checker.name, `${agent} is still on ${node.id}, lost for long, without a word on why`);
      }
    },
  };
  return checker;
};

export const drained: MakeChecker = ({ world, stored, broke }) => {
  const since = new Map<string, number>();
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-drained',
    exercised: 0,
    looked() {
      const { nowMs } = world.timeline;
      const { coordinator, isWell } = world.host;
      for (const { id: agent, placement, unplaced } of stored.agents.values()) {
        const node = placement ? stored.nodes.get(placement.node) : undefined;
        const key = `${agent} ${placement?.epoch} ${placement?.node}`;
        const isAsked =
          isWell &&
          coordinator !== null &&
          node?.draining &&
          node.status === 'active' &&
          node.presence === 'online' &&
          unplaced === null &&
          holdsAt(coordinator.view.frozen, node.site) === null;
        if (!isAsked) {
          since.delete(key);
          continue;
        }
        checker.exercised++;
        // The agent may finish its leased tasks: leases end by their deadlines.
        const works = [...stored.tasks.values()].some((task) => task.agent === agent && task.state !== 'queued');
        const sinceMs = works ? nowMs : (since.get(key) ?? nowMs);
        since.set(key, sinceMs);
        // Its node may answer as late as the deadline, after which it moves all the same.
        if (nowMs - sinceMs > promptMs + 31_000)
          broke(checker.name, `${agent} idles on ${node.id}, which drains for ${Math.round(nowMs - sinceMs)} ms`);
      }
    },
  };
  return checker;
};

export const frozenRightly: MakeChecker = ({ world, stored, broke }) => {
  /** Nodes that were absent at some moment of the batch that is being committed. */
  const wereAway = new Set<string>();
  /** Nodes with their first birth in this batch: the valve may have been judged before it. */
  const wereNew = new Set<string>();
  /** Nodes that were absent and returned in this batch as another machine, and were quarantined. */
  const shutOut = new Set<string>();
  /** Nodes that a person forgot in this batch: the valve may have been judged before, or without them. */
  const forgotten: NodeRow[] = [];
  const idleSince = new Map<string, number>();
  const groupOf = (site: string | null, others: readonly NodeRow[] = []) => {
    let here = 0;
    let away = 0;
    for (const row of [...stored.nodes.values(), ...others]) {
      const counts = row.status === 'active' || shutOut.has(row.id);
      if (!counts || row.presence === 'never' || (site !== null && row.site !== site)) continue;
      if (wereNew.has(row.id)) continue;
      if (row.presence === 'online' && !wereAway.has(row.id)) here++;
      else away++;
    }
    return { here, away };
  };
  /** Whether more nodes than this share of their group are absent, and enough for a freeze. */
  const isMany = ({ here, away }: ReturnType<typeof groupOf>, share: number) =>
    away >= world.host.policy.valveMinNodes && away > share * (here + away);
  const checker: ReturnType<MakeChecker> = {
    name: 'INV-let-go',
    exercised: 0,
    committing(change) {
      const gone = change.type === 'node-gone' ? stored.nodes.get(change.id) : undefined;
      if (gone) forgotten.push(gone);
      if (change.type !== 'node') return;
      const { id, presence } = change.row;
      const { presence: before, status } = stored.nodes.get(id) ?? {};
      if (before === 'never' && presence !== 'never') wereNew.add(id);
      if (status === 'active' && change.row.status !== 'active' && wereAway.has(id)) shutOut.add(id);
      if (presence === 'suspect' || presence === 'lost' || before === 'suspect' || before === 'lost') wereAway.add(id);
    },
    committed(changes) {
      const { valveShare } = world.host.policy;
      for (const change of changes) {
        if (change.type !== 'event' || change.row.type !== 'moves-frozen') continue;
        const site = / nodes of site (\S+) went away/.exec(change.row.text)?.[1] ?? null;
        checker.exercised++;
        const group = groupOf(site);
        if (isMany(group, valveShare) || isMany(groupOf(site, forgotten), valveShare)) continue;
        const { here, away } = group;
        broke(checker.name, `moves are frozen at ${site ?? 'the fleet'}: ${away} of ${here + away} are away`);
      }
      wereAway.clear();
      wereNew.clear();
      shutOut.clear();
      forgotten.length = 0;
    },
    looked() {
      const { nowMs } = world.timeline;
      const { coordinator, isWell } = world.host;
      const { valveShare } = world.host.policy;
      const present = new Set<string>();
      for (const { site, reason } of coordinator?.view.frozen ?? []) {
        const key = `${site}`;
        present.add(key);
        if (isMany(groupOf(site), valveShare / 2) || !isWell) {
          idleSince.delete(key);
          continue;
        }
        checker.exercised++;
        const sinceMs = idleSince.get(key) ?? nowMs;
        idleSince.set(key, sinceMs);
        if (nowMs - sinceMs > 5_000) broke(checker.name, `moves are still frozen, though enough are back: ${reason}`);
      }
      for (const key of idleSince.keys()) if (!present.has(key)) idleSince.delete(key);
    },
  };
  return checker;
};
