// The nodes of agents that placement rules refer to: agents to avoid, agents to be near, and the number of agents of a spread group on a
// node or at a site. Within one space, as names are unique only there. Indexed by name, so that the cost of a rule depends on the names in
// it and not on the size of the fleet.
import type { AgentSpec } from '@blackroad/protocol';
import type { Party, PlacedFacts, SupplyNode } from './supply.ts';

export class Companies {
  readonly #spaces = new Map<string, Company>();

  of(space: string): Company {
    let company = this.#spaces.get(space);
    if (!company) {
      company = new Company();
      this.#spaces.set(space, company);
    }
    return company;
  }
  learn({ space, spec }: Party): void {
    this.of(space).learn(spec);
  }
  /** Whether any agent names others: then the node of each agent must be recorded. */
  get mindsAnybody(): boolean {
    for (const company of this.#spaces.values()) if (company.mindsAnybody) return true;
    return false;
  }
  join({ space, spec }: Party, node: SupplyNode): void {
    this.of(space).join(spec, node);
  }
  /** The nodes that this agent must not be on, each with the agent there that causes this. */
  conflictsOf({ space, spec }: Party): ReadonlyMap<string, string> {
    return this.of(space).conflictsOf(spec.name);
  }
}

export class Company {
  /** The nodes of agents that others name or that name others. */
  readonly #where = new Map<string, SupplyNode>();
  readonly #mentioned = new Set<string>();
  readonly #avoids = new Map<string, readonly string[]>();
  /** The agents that avoid the key. */
  readonly #avoidedBy = new Map<string, string[]>();
  /** The number of members of each spread group, on each node and at each site. */
  readonly #atNode = new Map<string, Map<string, number>>();
  readonly #atSite = new Map<string, Map<string, number>>();

  /** Records the rules of an agent. Every agent of the snapshot must be recorded before `join` is called for the first. */
  learn({ name, placement }: AgentSpec): void {
    const { avoidAgents, nearAgents } = placement;
    if (nearAgents) for (const other of nearAgents) this.#mentioned.add(other);
    if (avoidAgents.length === 0) return;
    this.#avoids.set(name, avoidAgents);
    this.#mentioned.add(name);
    for (const other of avoidAgents) {
      this.#mentioned.add(other);
      const list = this.#avoidedBy.get(other);
      if (list) list.push(name);
      else this.#avoidedBy.set(other, [name]);
    }
  }
  get mindsAnybody(): boolean {
    return this.#mentioned.size > 0;
  }
  join(spec: AgentSpec, node: SupplyNode): void {
    if (this.#mentioned.has(spec.name)) this.#where.set(spec.name, node);
    if (spec.placement.spread) this.#count(spec.placement.spread.group, node, 1);
  }
  leave(spec: AgentSpec, node: SupplyNode): void {
    this.#where.delete(spec.name);
    if (spec.placement.spread) this.#count(spec.placement.spread.group, node, -1);
  }
  conflictsOf(agent: string): ReadonlyMap<string, string> {
    const avoids = this.#avoids.get(agent);
    const avoidedBy = this.#avoidedBy.get(agent);
    if (!avoids && !avoidedBy) return noConflicts;
    const conflicts = new Map<string, string>();
    for (const list of [avoids ?? [], avoidedBy ?? []]) {
      for (const other of list) {
        const node = this.#where.get(other);
        if (node === undefined || other === agent) continue;
        const known = conflicts.get(node.id);
        if (known === undefined || other < known) conflicts.set(node.id, other);
      }
    }
    return conflicts;
  }
  /** The nodes of the agents in `nearAgents`. */
  nearOf({ name, placement }: AgentSpec): SupplyNode[] {
    return (placement.nearAgents ?? []).flatMap((other) => (other === name ? [] : (this.#where.get(other) ?? [])));
  }
  together(group: string, over: 'node' | 'site', node: SupplyNode): number {
    const places = (over === 'node' ? this.#atNode : this.#atSite).get(group);
    return places?.get(over === 'node' ? node.id : node.site) ?? 0;
  }
  /** Sets the facts that depend on both the agent and the node. */
  setPair(facts: PlacedFacts, { name, placement }: AgentSpec, last: string | null, node: SupplyNode): void {
    facts.last = last;
    facts.isHome = last === node.id;
    facts.near = placement.nearAgents?.[0] ?? null;
    facts.nearness = 0;
    for (const other of placement.nearAgents ?? []) {
      const where = other === name ? undefined : this.#where.get(other);
      const nearness = where === node ? 1 : where?.site === node.site ? 0.5 : 0;
      if (nearness <= facts.nearness) continue;
      facts.nearness = nearness;
      facts.near = other;
    }
    const { spread } = placement;
    facts.group = spread?.group ?? null;
    facts.over = spread?.over ?? 'node';
    facts.together = spread ? this.together(spread.group, spread.over, node) : 0;
  }

  #count(group: string, node: SupplyNode, by: 1 | -1): void {
    for (const [places, place] of [
      [this.#atNode, node.id],
      [this.#atSite, node.site],
    ] as const) {
      const counts = places.get(group) ?? new Map<string, number>();
      places.set(group, counts);
      counts.set(place, (counts.get(place) ?? 0) + by);
    }
  }
}
export const noConflicts: ReadonlyMap<string, string> = new Map();
