// The fleet in figures, kept as it changes: at ten thousand nodes and thirty thousand agents nothing may be counted anew for a frame.
// In: what a batch touched. Out: counts, and the agents whose state follows from a node that came or went. `countFleet` counts the
// same from the start; the tests hold them together.
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { type AgentCount, agentCountOf, agentState, type FleetCounts, type NodeCount, nodeCountOf } from './show.ts';

const endedWindowS = 60;

export interface Tally {
  /** Counts what a batch touched; answers agents that were not touched themselves, but whose state follows from a node that was. */
  note(touched: Touched, nowMs: number): readonly string[];
  counts(): FleetCounts;
  agentsIn(state: AgentCount): ReadonlySet<string>;
  /** Tasks that ended within the last minute, since the tally began. */
  endedLastMinute(nowMs: number): number;
}
interface AgentTally {
  count: AgentCount | null;
  waiting: number;
  running: number;
  entries: number;
}

export function createTally(view: View): Tally {
  const nodes = { online: 0, suspect: 0, lost: 0, never: 0, quarantined: 0 };
  const agents: Record<AgentCount, Set<string>> = {
    ready: new Set(),
    starting: new Set(),
    unplaced: new Set(),
    failed: new Set(),
    waiting: new Set(),
  };
  const nodeCounts = new Map<string, NodeCount>();
  const agentCounts = new Map<string, AgentTally>();
  let queued = 0;
  let running = 0;
  let memories = 0;
  const ended = new Uint32Array(endedWindowS);
  let endedUptoS = 0;

  /** Whether the node counts as something else now. */
  function countNode(id: string): boolean {
    const row = view.nodes.get(id);
    const before = nodeCounts.get(id);
    const now = row ? nodeCountOf(row) : undefined;
    if (before === now) return false;
    if (before) nodes[before]--;
    if (now) {
      nodes[now]++;
      nodeCounts.set(id, now);
    } else nodeCounts.delete(id);
    return true;
  }
  /** Memories outlive their agent, so they are counted by name, whether there is an agent or not. */
  function countAgent(name: string): void {
    const row = view.agents.get(name);
    let own = agentCounts.get(name);
    if (!own) {
      own = { count: null, waiting: 0, running: 0, entries: 0 };
      agentCounts.set(name, own);
    }
    const count = row ? agentCountOf(agentState(view, row).state) : null;
    if (own.count !== count) {
      if (own.count) agents[own.count].delete(name);
      if (count) agents[count].add(name);
      own.count = count;
    }
    const work = view.work.get(name);
    const waiting = work?.waiting.length ?? 0;
    const leased = work?.leased.size ?? 0;
    const entries = view.heads.get(name)?.entries ?? 0;
    queued += waiting - own.waiting;
    running += leased - own.running;
    memories += entries - own.entries;
    own.waiting = waiting;
    own.running = leased;
    own.entries = entries;
    if (!row && !work && entries === 0) agentCounts.delete(name);
  }
  function turnWindow(nowMs: number): number {
    const nowS = Math.floor(nowMs / 1000);
    // A clock that was set back keeps counting in the second it had reached.
    for (; endedUptoS < nowS; endedUptoS++) {
      if (nowS - endedUptoS > endedWindowS) endedUptoS = nowS - endedWindowS;
      ended[(endedUptoS + 1) % endedWindowS] = 0;
    }
    return endedUptoS % endedWindowS;
  }

  for (const id of view.nodes.keys()) countNode(id);
  for (const name of view.agents.keys()) countAgent(name);
  for (const name of view.heads.keys()) countAgent(name);
  for (const name of view.work.keys()) countAgent(name);

  return {
    note(touched, nowMs) {
      const followers = new Set<string>();
      for (const id of touched.nodes) {
        if (!countNode(id)) continue;
        for (const name of view.agentsByNode.get(id) ?? []) if (!touched.agents.has(name)) followers.add(name);
      }
      for (const id of touched.tasks) {
        const agent = view.tasks.get(id)?.agent;
        if (agent !== undefined && !touched.agents.has(agent)) followers.add(agent);
      }
      for (const name of touched.agents) countAgent(name);
      for (const name of followers) countAgent(name);
      if (touched.ended.length > 0) ended[turnWindow(nowMs)]! += touched.ended.length;
      return [...followers];
    },
    counts: () => ({
      nodes: { ...nodes },
      agents: {
        ready: agents.ready.size,
        starting: agents.starting.size,
        unplaced: agents.unplaced.size,
        failed: agents.failed.size,
        waiting: agents.waiting.size,
      },
      queued,
      running,
      memories,
    }),
    agentsIn: (state) => agents[state],
    endedLastMinute(nowMs) {
      turnWindow(nowMs);
      let sum = 0;
      for (const count of ended) sum += count;
      return sum;
    },
  };
}
