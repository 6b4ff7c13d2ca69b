// Which agents may need a node: what is kept so that a plan looks at those that something happened to, and not at thirty thousand that
// are well. In: agents in question by the table of changes; out: their ids. Who is on it by mistake costs a look; the slow round looks at everyone,
// so that nobody is missed for long.
export class Suspects {
  #agents = new Set<string>();
  /** Something changed for everyone. */
  #all = true;

  note(suspects: Iterable<string> | 'everyone'): void {
    if (suspects === 'everyone') this.#all = true;
    else for (const agent of suspects) this.#agents.add(agent);
  }

  all(): void {
    this.#all = true;
  }
  /** Those to look at now; null: everyone. What comes from now on is for the next time. */
  take(): ReadonlySet<string> | null {
    const taken = this.#all ? null : this.#agents;
    this.#agents = new Set();
    this.#all = false;
    return taken;
  }
  /** To be looked at again. */
  keep(agents: Iterable<string>): void {
    for (const agent of agents) this.#agents.add(agent);
  }
}
