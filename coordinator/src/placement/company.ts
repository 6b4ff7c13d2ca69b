// Who may not share a node with whom. Looked up by name, so that a rule costs what it names and not the size of the fleet.
import type { PlacementSnapshot } from './supply.ts';

export class Company {
  readonly #where = new Map<string, string>();
  readonly #avoids = new Map<string, readonly string[]>();
  /** The other direction: who avoids this agent. */
  readonly #avoidedBy = new Map<string, string[]>();

  constructor({ nodes, demands }: PlacementSnapshot) {
    for (const node of nodes) {
      for (const { agent, avoidAgents } of node.agents) {
        this.#where.set(agent, node.id);
        this.#learn(agent, avoidAgents);
      }
    }
    for (const { spec } of demands) this.#learn(spec.name, spec.placement.avoidAgents);
    for (const [agent, others] of this.#avoids) {
      for (const other of others) {
        const list = this.#avoidedBy.get(other);
        if (list) list.push(agent);
        else this.#avoidedBy.set(other, [agent]);
      }
    }
  }

  settle(agent: string, node: string): void {
    this.#where.set(agent, node);
  }
  /** Nodes that are out of the question for this agent, and the agent there that makes them so. */
  conflictsOf(agent: string): ReadonlyMap<string, string> {
    const avoids = this.#avoids.get(agent) ?? [];
    const avoidedBy = this.#avoidedBy.get(agent) ?? [];
    if (avoids.length === 0 && avoidedBy.length === 0) return none;
    const conflicts = new Map<string, string>();
    for (const list of [avoids, avoidedBy]) {
      for (const other of list) {
        const node = this.#where.get(other);
        if (node === undefined || other === agent) continue;
        const known = conflicts.get(node);
        if (known === undefined || other < known) conflicts.set(node, other);
      }
    }
    return conflicts;
  }

  #learn(agent: string, avoidAgents: readonly string[]): void {
    if (avoidAgents.length > 0) this.#avoids.set(agent, avoidAgents);
  }
}
const none: ReadonlyMap<string, string> = new Map();
