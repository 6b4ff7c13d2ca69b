// The smallest change that would place an agent: for each node all filters that refuse it; the lowest sum of costs wins. Each filter's own
// row has its fix and the cost of it.
import type { AgentSpec, FixSteps } from '@blackroad/protocol';
import { noConflicts } from '../model/company.ts';
import type { Room, Use } from '../model/room.ts';
import { allFilters } from '../rules/feasible.ts';
import type { Candidate, Filter } from '../rules/filter.ts';
import { namedNodes } from '../rules/rules.ts';

/** Considers every possible node, and keeps the one with the lowest cost. */
export class CheapestFix {
  readonly #spec: AgentSpec;
  readonly #use: Use;
  #best: { candidate: Candidate; filters: readonly Filter[]; cost: number } | null = null;

  constructor(spec: AgentSpec, use: Use) {
    this.#spec = spec;
    this.#use = use;
  }
  /** `first`: the first filter that refuses the node; where its cost alone is too high, the others are not examined. */
  consider(room: Room, first: Filter): void {
    if (!this.#isLess(first.fix.cost(room.node), room)) return;
    const candidate = { spec: this.#spec, use: this.#use, room, conflicts: noConflicts };
    const filters = allFilters(candidate);
    const cost = filters.reduce((sum, { fix }) => sum + fix.cost(room.node), 0);
    if (this.#isLess(cost, room)) this.#best = { candidate, filters, cost };
  }
  /** Of two nodes with the same cost, the one with more memory is better: a large model on a Pi would be bad advice. */
  #isLess(cost: number, { node }: Room): boolean {
    if (!this.#best || cost < this.#best.cost) return true;
    return cost === this.#best.cost && node.memoryTotalBytes > this.#best.candidate.room.node.memoryTotalBytes;
  }
  steps(): FixSteps {
    if (!this.#best) return [namedNodes.fix.ways({ spec: this.#spec })];
    const { candidate, filters } = this.#best;
    return filters.map(({ fix }) => fix.ways(candidate));
  }
}
