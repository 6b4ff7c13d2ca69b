// The smallest change that would place an agent: of every node, all that speaks against it; the cheapest sum wins. What to
// do, and how much people mind it, stands in each filter's own row.
import type { AgentSpec, FixSteps } from '@blackroad/protocol';
import { noConflicts } from '../model/company.ts';
import type { Room, Use } from '../model/room.ts';
import { allFilters } from '../rules/feasible.ts';
import type { Candidate, Filter } from '../rules/filter.ts';
import { namedNodes } from '../rules/rules.ts';

/** Fed with every node that could be meant; keeps the one that needs the least. */
export class CheapestFix {
  readonly #spec: AgentSpec;
  readonly #use: Use;
  #best: { candidate: Candidate; filters: readonly Filter[]; cost: number } | null = null;

  constructor(spec: AgentSpec, use: Use) {
    this.#spec = spec;
    this.#use = use;
  }
  /** `first`: the first filter that refuses it; alone too dear, it needs no second look. */
  consider(room: Room, first: Filter): void {
    if (!this.#isLess(first.fix.cost(room.node), room)) return;
    const candidate = { spec: this.#spec, use: this.#use, room, conflicts: noConflicts };
    const filters = allFilters(candidate);
    const cost = filters.reduce((sum, { fix }) => sum + fix.cost(room.node), 0);
    if (this.#isLess(cost, room)) this.#best = { candidate, filters, cost };
  }
  /** Of two that need as little, the one with more memory: nobody should be told to fetch a large model onto a Pi. */
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
