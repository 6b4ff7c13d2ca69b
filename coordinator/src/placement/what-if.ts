// What if: the plan that placement would make for a fleet that is not, with agents added, nodes lost or drained. It asks the very
// functions that placement asks, about a supposed view. Moves are taken as free: the blast-radius valve is left aside, and so is
// patience with lost nodes. In: the view and the question. Out: the answer, in slices. Changes nothing.
import {
  type AgentSpec,
  maxAgents,
  maxWhatIfRows,
  type NodeSelector,
  type WhatIfPlan,
  type WhatIfRequest,
} from '@blackroad/protocol';
import type { Policy } from '../input.ts';
import type { AgentRow, View } from '../view.ts';
import { place } from './place.ts';
import { openRoom } from './room.ts';
import { snapshotOf } from './snapshot.ts';
import type { PlacementPlan, Staying, SupplyNode } from './supply.ts';
import { type Supposed, suppose } from './supposed.ts';

type Agent = NonNullable<ReturnType<View['agents']['get']>>;
type Node = NonNullable<ReturnType<View['nodes']['get']>>;
/** Agents looked at in one slice. */
const sliceAgents = 500;
/** A name's length: what is numbered must still be one. */
const maxNameLength = 63;

export interface WhatIfFault {
  field: string;
  expected: string;
  got: string;
}

/** What cannot be asked of this fleet; the shape of the question was checked before. */
export function whatIfFaults(view: View, { add, lose, drain }: WhatIfRequest): WhatIfFault[] {
  const faults: WhatIfFault[] = [];
  const wanted = add.reduce((sum, { count }) => sum + count, 0);
  const free = Math.max(0, maxAgents - view.agents.size);
  if (wanted > free)
    faults.push({
      field: 'add',
      expected: `at most ${free} agents (the fleet's limit is ${maxAgents})`,
      got: `${wanted}`,
    });
  for (const [field, selectors] of [
    ['lose', lose],
    ['drain', drain],
  ] as const) {
    selectors.forEach((selector, index) => {
      if (!someNode(view, selector))
        faults.push({
          field: `${field}.${index}`,
          expected: 'a node of the fleet',
          got: `none with ${selectorInWords(selector)}`,
        });
    });
  }
  return faults;
}
function someNode(view: View, selector: NodeSelector): boolean {
  for (const node of view.nodes.values()) if (isSelected(node, selector)) return true;
  return false;
}
function isSelected(row: Node, { node, site, class: name, labels = {} }: NodeSelector): boolean {
  return (
    (node === undefined || row.id === node) &&
    (site === undefined || row.site === site) &&
    (name === undefined || row.class === name) &&
    Object.entries(labels).every(([key, value]) => row.labels[key] === value)
  );
}
function selectorInWords({ labels = {}, ...rest }: NodeSelector): string {
  const labelled = Object.entries(labels).map(([key, value]) => `label ${key}=${value}`);
  return [...Object.entries(rest).map(([key, value]) => `${key} ${value}`), ...labelled].join(' and ');
}

/** The question must have no faults. */
export function* supposing(
  view: View,
  request: WhatIfRequest,
  nowMs: number,
  policy: Policy,
): Generator<void, WhatIfPlan> {
  const lost = selected(view, request.lose);
  const drained = selected(view, request.drain);
  const added = addedRows(view, request.add, nowMs);
  const supposed = suppose(view, {
    agents: added,
    ...nodesSupposed(view, lost, drained),
    work: workSupposed(view, drained),
  });
  yield;
  const { snapshot, needs } = snapshotOf(supposed, nowMs, policy);
  yield;
  const plan = place(snapshot);
  yield;

  const outcome = new Outcome();
  const answered = new Set<string>();
  const yielded = new Set(plan.yielded.map(({ agent }) => agent));
  const settle = function* (): Generator<void> {
    let looked = 0;
    for (const { agent, node, model } of plan.placed) {
      answered.add(agent);
      const from = view.agents.get(agent)?.placement?.node ?? null;
      outcome.move(agent, from, node, model, added.has(agent));
      if (++looked % sliceAgents === 0) yield;
    }
    for (const { agent, why } of plan.unplaced) {
      answered.add(agent);
      const from = view.agents.get(agent)?.placement?.node ?? null;
      if (++looked % sliceAgents === 0) yield;
      if (added.has(agent)) outcome.nowhere(agent, why.text, why.fix);
      else if (from === null) continue;
      else if (lost.has(from) || yielded.has(agent) || needs.get(agent)?.mayStay === false) {
        outcome.displace(agent, from);
        outcome.nowhere(agent, why.text, why.fix);
      } else if (drained.has(from)) {
        outcome.nowhere(agent, `it stays on the draining node: ${why.text}`, why.fix);
      }
    }
  };
  yield* settle();
  for (const node of lost) {
    for (const agent of view.agentsByNode.get(node) ?? []) {
      const row = view.agents.get(agent);
      if (!row || answered.has(agent) || outcome.leaves(node, agent)) continue;
      outcome.displace(agent, node);
      const { policy: onLoss } = row.spec.onLoss;
      outcome.nowhere(
        agent,
        lossWords[onLoss],
        'set onLoss.policy: replace, and it is placed elsewhere when its node is lost',
      );
    }
    yield;
  }
  return answerOf({ view, supposed, snapshot, plan, lost, added: added.size, outcome });
}
const lossWords = {
  replace: 'its node is lost',
  wait: 'its node is lost, and its onLoss.policy is wait: it waits for its node to come back',
  keep: 'its node is lost, and its onLoss.policy is keep: it goes on alone there, out of reach',
};

function selected(view: View, selectors: readonly NodeSelector[]): Set<string> {
  const found = new Set<string>();
  if (selectors.length === 0) return found;
  for (const node of view.nodes.values()) if (selectors.some((each) => isSelected(node, each))) found.add(node.id);
  return found;
}

/** Copies are numbered past the names that are taken; one of a free name keeps it. */
function addedRows(view: View, add: WhatIfRequest['add'], nowMs: number): Map<string, AgentRow> {
  const rows = new Map<string, AgentRow>();
  const isTaken = (name: string) => view.agents.has(name) || rows.has(name);
  for (const { spec, count } of add) {
    let number = 0;
    for (let copy = 0; copy < count; copy++) {
      let name = spec.name;
      while (count > 1 ? name === spec.name || isTaken(name) : isTaken(name)) name = numbered(spec.name, ++number);
      rows.set(name, {
        name,
        spec: { ...spec, name },
        version: 1,
        epoch: 0,
        placement: null,
        why: null,
        unplaced: null,
        createdMs: nowMs,
        updatedMs: nowMs,
      });
    }
  }
  return rows;
}
function numbered(name: string, number: number): string {
  const end = `-${number}`;
  return `${name.slice(0, maxNameLength - end.length).replace(/-+$/, '')}${end}`;
}

/** Lost for good and long ago: no patience is left, and it was heard of, so that its silence means something. */
function nodesSupposed(
  view: View,
  lost: ReadonlySet<string>,
  drained: ReadonlySet<string>,
): Pick<Supposed, 'nodes' | 'live'> {
  const nodes = new Map<string, Node>();
  const live = new Map<string, NonNullable<ReturnType<View['live']['get']>>>();
  for (const id of drained) nodes.set(id, { ...view.nodes.get(id)!, draining: true });
  for (const id of lost) {
    nodes.set(id, { ...view.nodes.get(id)!, presence: 'lost', presenceSinceMs: 0, presenceReason: 'supposed' });
    const known = view.live.get(id);
    live.set(id, {
      lastSeenMs: null,
      capacity: null,
      health: null,
      ...known,
      helloBoot: known?.helloBoot ?? 'supposed',
    });
  }
  return { nodes, live };
}
/** What its agents have begun is taken as finished. */
function workSupposed(view: View, drained: ReadonlySet<string>): NonNullable<Supposed['work']> {
  const works = new Map<string, { waiting: readonly string[]; leased: ReadonlySet<string> }>();
  for (const node of drained) {
    for (const agent of view.agentsByNode.get(node) ?? []) {
      const work = view.work.get(agent);
      if (work && work.leased.size > 0) works.set(agent, { waiting: work.waiting, leased: new Set() });
    }
  }
  return works;
}

/** What becomes of each agent, counted as it is learned; lists are cut, counts are whole. */
class Outcome {
  placed = 0;
  moved = 0;
  displaced = 0;
  readonly moves: WhatIfPlan['moves'] = [];
  readonly arrive = new Map<string, { agent: string; model: string }[]>();
  readonly leave = new Map<string, Set<string>>();
  readonly #groups = new Map<string, WhatIfPlan['unplaced'][number]>();

  move(agent: string, from: string | null, to: string, model: string, isAdded: boolean): void {
    if (isAdded) this.placed++;
    else if (from !== null && from !== to) this.moved++;
    const there = this.arrive.get(to);
    if (there) there.push({ agent, model });
    else this.arrive.set(to, [{ agent, model }]);
    if (from !== null) this.#leave(from, agent);
    this.moves.push({ agent, from, to, model });
  }
  displace(agent: string, from: string): void {
    this.displaced++;
    this.#leave(from, agent);
    this.moves.push({ agent, from, to: null, model: null });
  }
  nowhere(agent: string, text: string, fix: string): void {
    const key = `${text}\n${fix}`;
    const group = this.#groups.get(key);
    if (group) group.agents++;
    else this.#groups.set(key, { agents: 1, example: agent, text, fix });
  }
  leaves(node: string, agent: string): boolean {
    return this.leave.get(node)?.has(agent) ?? false;
  }
  unplaced(): WhatIfPlan['unplaced'] {
    return [...this.#groups.values()].sort((a, b) => b.agents - a.agents).slice(0, maxWhatIfRows);
  }

  #leave(node: string, agent: string): void {
    const gone = this.leave.get(node);
    if (gone) gone.add(agent);
    else this.leave.set(node, new Set([agent]));
  }
}

interface Found {
  view: View;
  supposed: View;
  snapshot: { nodes: readonly SupplyNode[] };
  plan: PlacementPlan;
  lost: ReadonlySet<string>;
  added: number;
  outcome: Outcome;
}
function answerOf({ view, supposed, snapshot, plan, lost, added, outcome }: Found): WhatIfPlan {
  const changed = (id: string) => (outcome.arrive.get(id)?.length ?? 0) + (outcome.leave.get(id)?.size ?? 0);
  const nodes = snapshot.nodes
    .filter(({ id }) => lost.has(id) || changed(id) > 0)
    .map((node) => ({ node, by: changed(node.id), isLost: lost.has(node.id) }))
    .sort((a, b) => Number(b.isLost) - Number(a.isLost) || b.by - a.by || (a.node.id < b.node.id ? -1 : 1))
    .slice(0, maxWhatIfRows)
    .map(({ node, isLost }) => {
      const before = stayingOn(view, node.id);
      const gone = outcome.leave.get(node.id);
      const after = [
        ...before.filter(({ spec }) => !gone?.has(spec.name)),
        ...(outcome.arrive.get(node.id) ?? []).flatMap(({ agent, model }) =>
          staying(supposed.agents.get(agent), model),
        ),
      ];
      return {
        node: node.id,
        class: node.class,
        site: node.site,
        memoryTotalBytes: node.memoryTotalBytes,
        lost: isLost,
        before: fillingOf(node, before),
        after: isLost ? { agents: 0, memoryBytes: 0, models: [] } : fillingOf(node, after),
      };
    });
  return {
    nodesLost: lost.size,
    agentsAdded: added,
    placed: outcome.placed,
    moved: outcome.moved,
    displaced: outcome.displaced,
    unplaced: outcome.unplaced(),
    moves: outcome.moves.slice(0, maxWhatIfRows),
    models: plan.models.filter(({ step }) => step !== 'keep').slice(0, maxWhatIfRows),
    nodes,
  };
}
function stayingOn(view: View, node: string): Staying[] {
  return [...(view.agentsByNode.get(node) ?? [])].flatMap((name) => {
    const agent = view.agents.get(name);
    return staying(agent, agent?.placement?.model);
  });
}
function staying(agent: Agent | undefined, model: string | undefined): Staying[] {
  return agent && model !== undefined ? [{ spec: agent.spec as AgentSpec, model, mayYield: false }] : [];
}
function fillingOf(node: SupplyNode, agents: readonly Staying[]): WhatIfPlan['nodes'][number]['before'] {
  const room = openRoom({ ...node, agents });
  const used = [...new Set(room.offers.values())].filter((offer) => offer.agents > 0);
  return {
    agents: agents.length,
    memoryBytes: used.reduce((sum, { chargedBytes }) => sum + chargedBytes, 0),
    models: used.map(({ model }) => model.name),
  };
}
