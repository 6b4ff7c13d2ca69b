// The numbers of the fleet, kept as rows change: at ten thousand nodes and thirty thousand agents nothing may be counted anew for a frame.
// In: the rows that batches touched. Out: numbers, and the agents whose state depends on a node whose presence changed. `countFleet` counts
// the same from the start; tests compare the two.
import type { Touched } from '../state/touched.ts';
import type { View } from '../state/view.ts';
import { type AgentCount, agentCountOf, agentState, type FleetCounts, type NodeCount, nodeCountOf } from './show.ts';

const endedWindowS = 60;

interface AgentTally {
  count: AgentCount | null;
  waiting: number;
  running: number;
  entries: number;
}

export class Tally {
  readonly #view: View;
  readonly #nodes = { online: 0, suspect: 0, lost: 0, never: 0, quarantined: 0 };
  readonly #agents: Record<AgentCount, Set<string>> = {
    ready: new Set(),
    starting: new Set(),
    unplaced: new Set(),
    failed: new Set(),
    waiting: new Set(),
  };
  readonly #nodeCounts = new Map<string, NodeCount>();
  readonly #agentCounts = new Map<string, AgentTally>();
  #queued = 0;
  #running = 0;
  #memories = 0;
  readonly #ended = new Uint32Array(endedWindowS);
  #endedUptoS = 0;

  constructor(view: View) {
    this.#view = view;
    for (const id of view.nodes.keys()) this.#countNode(id);
    for (const name of view.agents.keys()) this.#countAgent(name);
    for (const name of view.heads.keys()) this.#countAgent(name);
    for (const name of view.work.keys()) this.#countAgent(name);
  }

  /** Counts the touched rows of a batch; returns untouched agents whose state depends on a touched node. */
  note(touched: Touched, nowMs: number): readonly string[] {
    const followers = new Set<string>();
    for (const id of touched.nodes) {
      if (!this.#countNode(id)) continue;
      for (const name of this.#view.agentsByNode.get(id) ?? []) if (!touched.agents.has(name)) followers.add(name);
    }
    for (const id of touched.tasks) {
      const agent = this.#view.tasks.get(id)?.agent;
      if (agent !== undefined && !touched.agents.has(agent)) followers.add(agent);
    }
    for (const name of touched.agents) this.#countAgent(name);
    for (const name of followers) this.#countAgent(name);
    if (touched.ended.length > 0) this.#ended[this.#turnWindow(nowMs)]! += touched.ended.length;
    return [...followers];
  }

  counts(): FleetCounts {
    const { ready, starting, unplaced, failed, waiting } = this.#agents;
    return {
      nodes: { ...this.#nodes },
      agents: {
        ready: ready.size,
        starting: starting.size,
        unplaced: unplaced.size,
        failed: failed.size,
        waiting: waiting.size,
      },
      queued: this.#queued,
      running: this.#running,
      memories: this.#memories,
    };
  }

  agentsIn(state: AgentCount): ReadonlySet<string> {
    return this.#agents[state];
  }

  /** Tasks that ended within the last minute, since the tally began. */
  endedLastMinute(nowMs: number): number {
    this.#turnWindow(nowMs);
    let sum = 0;
    for (const count of this.#ended) sum += count;
    return sum;
  }

  /** Whether the node is counted differently now. */
  #countNode(id: string): boolean {
    const row = this.#view.nodes.get(id);
    const before = this.#nodeCounts.get(id);
    const now = row ? nodeCountOf(row) : undefined;
    if (before === now) return false;
    if (before) this.#nodes[before]--;
    if (now) {
      this.#nodes[now]++;
      this.#nodeCounts.set(id, now);
    } else this.#nodeCounts.delete(id);
    return true;
  }

  /** The memory of a removed agent stays, so memories are counted by agent id, whether the agent exists or not. */
  #countAgent(name: string): void {
    const view = this.#view;
    const row = view.agents.get(name);
    let own = this.#agentCounts.get(name);
    if (!own) {
      own = { count: null, waiting: 0, running: 0, entries: 0 };
      this.#agentCounts.set(name, own);
    }
    const count = row ? agentCountOf(agentState(view, row).state) : null;
    if (own.count !== count) {
      if (own.count) this.#agents[own.count].delete(name);
      if (count) this.#agents[count].add(name);
      own.count = count;
    }
    const work = view.work.get(name);
    const waiting = work?.waiting.length ?? 0;
    const leased = work?.leased.size ?? 0;
    const entries = view.heads.get(name)?.entries ?? 0;
    this.#queued += waiting - own.waiting;
    this.#running += leased - own.running;
    this.#memories += entries - own.entries;
    own.waiting = waiting;
    own.running = leased;
    own.entries = entries;
    if (!row && !work && entries === 0) this.#agentCounts.delete(name);
  }

  /** Empties the seconds since the last call; returns the index of the present one. */
  #turnWindow(nowMs: number): number {
    const nowS = Math.floor(nowMs / 1000);
    // After the clock was set back, counting goes on in the latest second.
    for (; this.#endedUptoS < nowS; this.#endedUptoS++) {
      if (nowS - this.#endedUptoS > endedWindowS) this.#endedUptoS = nowS - endedWindowS;
      this.#ended[(this.#endedUptoS + 1) % endedWindowS] = 0;
    }
    return this.#endedUptoS % endedWindowS;
  }
}
