// The agents that may need a node: a plan examines only agents whose circumstances changed, not thirty thousand that are well. In: agents
// by the table of changes. Out: their ids. An agent in the list by mistake costs one check; the slow round examines all agents, so that
// none is missed for long.
export class ReviewList {
  #agents = new Set<string>();
  /** Whether something changed for all agents. */
  #all = true;

  note(agents: Iterable<string> | 'everyone'): void {
    if (agents === 'everyone') this.#all = true;
    else for (const agent of agents) this.#agents.add(agent);
  }

  all(): void {
    this.#all = true;
  }
  /** The agents to examine now; null: all. Agents noted from now on are for the next plan. */
  take(): ReadonlySet<string> | null {
    const taken = this.#all ? null : this.#agents;
    this.#agents = new Set();
    this.#all = false;
    return taken;
  }
  /** Adds agents to examine again. */
  keep(agents: Iterable<string>): void {
    for (const agent of agents) this.#agents.add(agent);
  }
}
