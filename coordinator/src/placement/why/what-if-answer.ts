// The answer of a what-if: the outcome of each agent, and the use of the nodes that change. Counts are complete, lists are cut. In: the
// outcomes of the plan, and the views before and after. Out: the answer, in slices.
import { maxWhatIfRows, type UnplacedWhy, type WhatIfPlan } from '@blackroad/protocol';
import type { AgentRow } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import { type Catalogue, emptyCatalogue, learnKnown, learnModels } from '../model/catalogue.ts';
import { type Guest, openRoom, utilisationOf } from '../model/room.ts';
import type { ModelStep, SupplyNode } from '../model/supply.ts';

/** The number of nodes in one slice. */
const sliceNodes = 100;

/** Agents have ids in the plan and names in the answer. */
export class Outcome {
  readonly #nameOf: (agent: string) => string;
  placed = 0;
  moved = 0;
  displaced = 0;
  staying = 0;
  readonly arrivals = new Map<string, { agent: string; model: string }[]>();
  readonly #gone = new Map<string, Set<string>>();
  readonly #moves: WhatIfPlan['moves'] = [];
  /** Rows of agents that had no node: they are cut first. */
  readonly #firsts: WhatIfPlan['moves'] = [];
  readonly #groups = new Map<string, WhatIfPlan['unplaced'][number]>();

  constructor(nameOf: (agent: string) => string) {
    this.#nameOf = nameOf;
  }
  move(agent: string, from: string | null, { node, model }: { node: string; model: string }, isAdded: boolean): void {
    if (isAdded) this.placed++;
    else if (from !== null && from !== node) this.moved++;
    const there = this.arrivals.get(node);
    if (there) there.push({ agent, model });
    else this.arrivals.set(node, [{ agent, model }]);
    if (from !== null) this.#leave(from, agent);
    const list = from === null ? this.#firsts : this.#moves;
    if (list.length < maxWhatIfRows) list.push({ agent: this.#nameOf(agent), from, to: node, model });
  }
  displace(agent: string, from: string): void {
    this.displaced++;
    this.#leave(from, agent);
    if (this.#moves.length < maxWhatIfRows)
      this.#moves.push({ agent: this.#nameOf(agent), from, to: null, model: null });
  }
  nowhere(agent: string, { text, fix }: Pick<UnplacedWhy, 'text' | 'fix'>): void {
    const key = `${text}\n${JSON.stringify(fix)}`;
    const group = this.#groups.get(key);
    if (group) group.agents++;
    else this.#groups.set(key, { agents: 1, example: this.#nameOf(agent), text, fix });
  }
  isGone(node: string, agent: string): boolean {
    return this.#gone.get(node)?.has(agent) ?? false;
  }
  changes(node: string): number {
    return (this.arrivals.get(node)?.length ?? 0) + (this.#gone.get(node)?.size ?? 0);
  }
  get moves(): WhatIfPlan['moves'] {
    return [...this.#moves, ...this.#firsts].slice(0, maxWhatIfRows);
  }
  get unplaced(): WhatIfPlan['unplaced'] {
    return [...this.#groups.values()].sort((a, b) => b.agents - a.agents).slice(0, maxWhatIfRows);
  }

  #leave(node: string, agent: string): void {
    const gone = this.#gone.get(node);
    if (gone) gone.add(agent);
    else this.#gone.set(node, new Set([agent]));
  }
}

interface Answering {
  view: View;
  supposed: View;
  nodes: readonly SupplyNode[];
  steps: readonly ModelStep[];
  lost: ReadonlySet<string>;
  added: number;
  outcome: Outcome;
}
export function* answering({
  view,
  supposed,
  nodes,
  steps,
  lost,
  added,
  outcome,
}: Answering): Generator<void, WhatIfPlan> {
  const catalogue = yield* catalogueOf(view, nodes, steps);
  const changed = nodes
    .filter(({ id }) => lost.has(id) || outcome.changes(id) > 0)
    .sort(
      (a, b) =>
        Number(lost.has(b.id)) - Number(lost.has(a.id)) ||
        outcome.changes(b.id) - outcome.changes(a.id) ||
        (a.id < b.id ? -1 : 1),
    );
  const rows: WhatIfPlan['nodes'] = [];
  for (const node of changed.slice(0, maxWhatIfRows)) {
    const before = guestsOf(view, node.id);
    const after = [
      ...before.filter((each) => !outcome.isGone(node.id, each.id)),
      ...(outcome.arrivals.get(node.id) ?? []).flatMap(({ agent, model }) => guest(supposed.agents.get(agent), model)),
    ];
    const isLost = lost.has(node.id);
    rows.push({
      node: node.id,
      class: node.class,
      site: node.site,
      memoryTotalBytes: node.memoryTotalBytes,
      lost: isLost,
      before: utilisationOf(openRoom(node, catalogue, before)),
      after: isLost ? { agents: 0, memoryBytes: 0, models: [] } : utilisationOf(openRoom(node, catalogue, after)),
    });
    // A GPU box may have thousands of agents.
    if (before.length + after.length > sliceNodes || rows.length % sliceNodes === 0) yield;
  }
  return {
    nodesLost: lost.size,
    agentsAdded: added,
    placed: outcome.placed,
    moved: outcome.moved,
    displaced: outcome.displaced,
    staying: outcome.staying,
    unplaced: outcome.unplaced,
    moves: outcome.moves,
    models: steps.filter(({ step }) => step !== 'keep').slice(0, maxWhatIfRows),
    nodes: rows,
  };
}
function guestsOf(view: View, node: string): Guest[] {
  return [...(view.agentsByNode.get(node) ?? [])].flatMap((id) => {
    const agent = view.agents.get(id);
    return guest(agent, agent?.placement?.model);
  });
}
function guest(agent: AgentRow | undefined, model: string | undefined): Guest[] {
  if (!agent || model === undefined) return [];
  const { id, space, spec } = agent;
  return [{ id, space, spec: spec, model, mayYield: false }];
}

/** A catalogue of the models that nodes would have after the plan's fetches. */
function* catalogueOf(
  { known }: View,
  nodes: readonly SupplyNode[],
  steps: readonly ModelStep[],
): Generator<void, Catalogue> {
  const catalogue = emptyCatalogue();
  if (!steps.some(({ step }) => step === 'pull')) return catalogue;
  for (const [index, node] of nodes.entries()) {
    learnModels(catalogue, node);
    if (index % sliceNodes === 0) yield;
  }
  learnKnown(catalogue, known.list);
  return catalogue;
}
