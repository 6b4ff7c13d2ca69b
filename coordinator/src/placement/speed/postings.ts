// Inverted lists: for each model, site, class, label and runtime the open nodes that have it, so that a group of agents searches only the
// shortest list that contains every suitable node. Lists are made at their first use, with one pass over the nodes for a whole dimension.
import { type AgentSpec, modelKey } from '@blackroad/protocol';
import type { Pace } from '@blackroad/std/pace';
import type { SupplyNode } from '../model/supply.ts';
import type { OpenFleet } from '../plan/choose.ts';

type Lists = Map<string, number[]>;
const nobody: readonly number[] = [];

export class Postings {
  readonly #fleet: OpenFleet;
  readonly #pace: Pace;
  readonly #dimensions = new Map<string, Lists>();

  constructor(fleet: OpenFleet, pace: Pace) {
    this.#fleet = fleet;
    this.#pace = pace;
  }

  *ofModel(wanted: string): Generator<void, readonly number[]> {
    const { digests } = this.#fleet;
    return (yield* this.#dimension('model', (_, index) => digests[index]!.names)).get(modelKey(wanted)) ?? nobody;
  }
  /** Nodes that can fetch with one of these runtimes. */
  *ofAllPulls(runtimes: readonly string[]): Generator<void, readonly number[]> {
    if (runtimes.length === 0) return nobody;
    const lists = yield* this.#dimension('pulls', ({ pulls }) => pulls);
    const [only = nobody, ...more] = runtimes.map((runtime) => lists.get(runtime) ?? nobody);
    return more.length === 0 ? only : [...new Set([only, ...more].flat())].sort((a, b) => a - b);
  }
  /** The shortest list among those of the spec's rules, in order; all open nodes where there are no rules. */
  *ofRules({ placement }: AgentSpec): Generator<void, readonly number[]> {
    const { nodes, site, class: classes, labels } = placement;
    if (nodes.length > 0) {
      const named = new Set(nodes.flatMap((id) => this.#fleet.indexOf.get(id) ?? []));
      return [...named].sort((a, b) => a - b);
    }
    let lists: (readonly number[])[] = [(yield* this.#dimension('all', () => [''])).get('') ?? nobody];
    const offer = (others: (readonly number[])[]) => {
      if (sizeOf(others) < sizeOf(lists)) lists = others;
    };
    if (site.length > 0) {
      const sites = yield* this.#dimension('site', (node) => [node.site]);
      offer([...new Set(site)].map((each) => sites.get(each) ?? nobody));
    }
    if (classes.length > 0) {
      const all = yield* this.#dimension('class', (node) => [node.class]);
      offer([...new Set(classes)].map((each) => all.get(each) ?? nobody));
    }
    for (const key of Object.keys(labels)) {
      const values = yield* this.#dimension(`label ${key}`, (node) => node.labels[key] ?? null);
      offer([values.get(labels[key]!) ?? nobody]);
    }
    return lists.length === 1 ? lists[0]! : lists.flat().sort((a, b) => a - b);
  }

  *#dimension(
    name: string,
    valuesOf: (node: SupplyNode, index: number) => Iterable<string> | string | null,
  ): Generator<void, Lists> {
    const known = this.#dimensions.get(name);
    if (known) return known;
    const lists: Lists = new Map();
    for (const [index, node] of this.#fleet.nodes.entries()) {
      if (this.#pace.spends(0.2)) yield;
      if (node.closed !== null) continue;
      const values = valuesOf(node, index);
      if (values === null) continue;
      for (const value of typeof values === 'string' ? [values] : values) {
        const list = lists.get(value);
        if (list) list.push(index);
        else lists.set(value, [index]);
      }
    }
    this.#dimensions.set(name, lists);
    return lists;
  }
}
function sizeOf(lists: readonly (readonly number[])[]): number {
  return lists.reduce((sum, list) => sum + list.length, 0);
}
