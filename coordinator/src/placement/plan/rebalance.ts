// Moves for a gain alone: slow, limited, with hysteresis. An agent that could stay is moved only when one thing gets better that a person
// would name (its model, the price, the health of its node, the crowd, the queue), and never when anything before it in that order gets
// worse: so repeated rounds on a fleet without changes end without moves. The planner chooses the node; this file decides which agents may
// be moved, and whether the gain is enough. In: the view. Out: a plan of a few moves, each with its gain in words. It moves no agent with a
// running task, and changes nothing itself.
import { type AgentSpec, modelKey, type NodeModel } from '@blackroad/protocol';
import type { Policy } from '../../state/input.ts';
import { type AgentRow, freezeAt } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import { type Need, needOf } from '../model/need.ts';
import { type Snapped, supplying } from '../model/snapshot.ts';
import type { Demand, Placed, PlacementPlan, SupplyNode } from '../model/supply.ts';
import { isWished, namesModel, wishesFor } from '../model/wish.ts';
import {
  type Candidate,
  crowdFactor,
  type Gain,
  type GainKind,
  gainKinds,
  gainOf,
  healthGain,
  isNearlyEmpty,
  loadOf,
  poorHealth,
  queueIsLong,
  type Standing,
} from '../rules/gain.ts';
import { sizeValue } from '../rules/size.ts';
import { planning } from './place.ts';

interface Rebalancing extends Pick<Snapped, 'needs' | 'staying' | 'capacities'> {
  plan: PlacementPlan;
  gains: ReadonlyMap<string, Gain>;
}

/** At least this many moves in a round: in a small fleet a percentage would be less than one. */
const minMoves = 2;
/** The number of agents to plan for each allowed move: most have no gain. */
const askedPerMove = 2;
/** The number of agents in one step. */
const stepAgents = 256;
const stepNodes = 64;

/** Null: a more urgent plan is pending, or no agent has a gain. */
export function* rebalancing(view: View, nowMs: number, policy: Policy): Generator<void, Rebalancing | null> {
  if (nowMs < view.startedMs + policy.restartGraceMs) return null;
  const needs = new Map<string, Need>();
  let looked = 0;
  for (const agent of view.agents.values()) {
    if (++looked % stepAgents === 0) yield;
    const need = needOf(view, agent, nowMs, policy);
    if (!need) continue;
    // An agent that must move is not planned for yet, and comes before moves for a gain.
    if (!agent.unplaced) return null;
    needs.set(agent.id, need);
  }
  const { nodes, capacities } = yield* supplying(view, nowMs, policy, needs);
  const cap = Math.max(minMoves, Math.floor(view.agents.size * policy.rebalanceShare));
  const asked = yield* candidatesOf(view, nodes, cap * askedPerMove, nowMs, policy);
  if (asked.size === 0) return null;

  const demands: Demand[] = [...asked.values()].map(({ id, space, spec }) => ({ id, space, spec, last: null }));
  const asking: SupplyNode[] = [];
  const byId = new Map<string, SupplyNode>();
  for (const node of nodes) {
    if (asking.push(withoutAsked(node, asked)) % stepNodes === 0) yield;
    byId.set(node.id, node);
  }
  const plan = yield* planning({ nodes: asking, demands, strategy: policy.placement });
  yield;
  const gains = judge(asked, plan, byId, cap, policy);
  if (gains.size === 0) return null;
  const placed = plan.placed.filter(({ agent }) => gains.has(agent));
  const targets = new Set(placed.map(({ node }) => node));
  const models = plan.models.filter(({ node }) => targets.has(node));
  return { plan: { placed, unplaced: [], yielded: [], models }, gains, needs: new Map(), staying: [], capacities };
}

/** The node without the agents to plan for, whose room is free for the plan; no other agent may yield for a gain. */
function withoutAsked(node: SupplyNode, asked: ReadonlyMap<string, Candidate>): SupplyNode {
  const agents = node.agents.flatMap((each) =>
    asked.has(each.id) ? [] : [each.mayYield ? { ...each, mayYield: false } : each],
  );
  return { ...node, agents };
}

/** Whether the agent may be moved for a gain now; `busy`: also while its tasks wait, because the wait is the reason. */
export function mayRebalance(view: View, row: AgentRow, nowMs: number, policy: Policy, busy: boolean): boolean {
  const { placement } = row;
  const node = placement && view.nodes.get(placement.node);
  if (placement?.leaving) return false;
  if (!placement || node?.presence !== 'online' || node.status !== 'active' || node.draining || row.unplaced)
    return false;
  if (freezeAt(view.frozen, node.site) || nowMs < view.startedMs + policy.restartGraceMs) return false;
  if (placement.rebalanced && nowMs - placement.placedMs < policy.rebalanceRestMs) return false;
  const work = view.work.get(row.id);
  if (!work) return true;
  if (!busy) return work.waiting.length + work.leased.size === 0;
  return [...work.leased].every((id) => view.tasks.get(id)?.state === 'leased');
}

/** The agents to plan for, by their possible gain: those for which the fleet as a whole seems to have one. */
function* candidatesOf(
  view: View,
  nodes: readonly SupplyNode[],
  most: number,
  nowMs: number,
  policy: Policy,
): Generator<void, Map<string, Candidate>> {
  const offers = new Offers();
  let added = 0;
  for (const node of nodes) {
    offers.add(node);
    if (++added % stepNodes === 0) yield;
  }
  const found: Record<GainKind, Candidate[]> = {
    queue: [],
    model: [],
    price: [],
    health: [],
    size: [],
    crowd: [],
    pack: [],
  };
  let looked = 0;
  for (const node of nodes) {
    if (node.closed || node.agents.length === 0) continue;
    const counts = countModels(node);
    const asked = new Map<string, number>();
    for (const { id, space, spec, model: name } of node.agents) {
      if (++looked % stepAgents === 0) yield;
      const model = node.models.find((each) => each.name === name);
      const row = view.agents.get(id);
      if (!model || !row || row.placement?.node !== node.id) continue;
      const now: Standing = { node, model, rank: rankOf(spec, node, model), agents: counts.get(name) ?? 1 };
      const kind = offers.promise(spec, now, policy);
      if (!kind || !mayRebalance(view, row, nowMs, policy, kind === 'queue')) continue;
      // At most half of the difference at once: two nodes must not exchange their agents.
      const already = asked.get(name) ?? 0;
      if ((kind === 'crowd' || kind === 'queue') && already >= Math.ceil(now.agents / 2)) continue;
      asked.set(name, already + 1);
      found[kind].push({ id, space, spec, now, kind });
    }
  }
  const round = policy.rebalanceEveryMs > 0 ? Math.floor(nowMs / policy.rebalanceEveryMs) : 0;
  const asked = new Map<string, Candidate>();
  for (const kind of gainKinds) for (const each of turned(found[kind], most, round)) asked.set(each.id, each);
  return asked;
}
/** Starts at another agent in each round, where there are more than are planned for. */
function turned(all: readonly Candidate[], most: number, round: number): Candidate[] {
  if (all.length <= most) return [...all];
  const start = (round * most) % all.length;
  return [...all.slice(start), ...all.slice(0, start)].slice(0, most);
}

function countModels({ agents }: SupplyNode): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { model } of agents) counts.set(model, (counts.get(model) ?? 0) + 1);
  return counts;
}
/** Place of a model in the agent's list, by any of its names. */
function rankOf(spec: AgentSpec, node: Pick<SupplyNode, 'defaultChat'>, model: NodeModel): number {
  const rank = spec.model.findIndex((wanted) => isWished(wanted, model, node.defaultChat));
  return rank < 0 ? spec.model.length : rank;
}

/** The offers of open nodes under each name of a model: enough to exclude agents without a gain before the plan. */
class Offers {
  readonly #byKey = new Map<string, { free: number; health: number; size: number; least: number[]; agents: number }>();

  add(node: SupplyNode): void {
    if (node.closed) return;
    const counts = countModels(node);
    for (const model of node.models) {
      if (model.kind !== 'chat') continue;
      const agents = counts.get(model.name) ?? 0;
      const names = [model.name, ...model.aliases, ...wishesFor(model, node.defaultChat)];
      for (const key of new Set(names.map(modelKey))) this.#add(key, node, model, agents);
    }
  }
  #add(key: string, node: SupplyNode, model: NodeModel, agents: number): void {
    let offer = this.#byKey.get(key);
    if (!offer) {
      offer = { free: Number.POSITIVE_INFINITY, health: 0, size: 0, least: [], agents: 0 };
      this.#byKey.set(key, offer);
    }
    offer.free = Math.min(offer.free, node.pricePerMillionTokens);
    offer.health = Math.max(offer.health, node.health);
    offer.size = Math.max(offer.size, sizeValue(node, model));
    offer.agents = Math.max(offer.agents, agents);
    const speed = speedClass(model);
    const load = loadOf(model, agents + 1);
    offer.least[speed] = Math.min(offer.least[speed] ?? Number.POSITIVE_INFINITY, load);
  }
  /** The first kind of gain that the fleet seems to have for the agent; null: none. */
  promise(spec: AgentSpec, now: Standing, policy: Policy): GainKind | null {
    const { node, model, rank, agents } = now;
    const same = this.#byKey.get(modelKey(spec.model[rank] ?? model.name));
    let least = Number.POSITIVE_INFINITY;
    for (let speed = Math.max(0, speedClass(model) - 1); speed < (same?.least.length ?? 0); speed++)
      least = Math.min(least, same?.least[speed] ?? least);
    if ((node.waiting.get(model.name) ?? 0) > 0 && queueIsLong(now)) return 'queue';
    for (let earlier = 0; earlier < rank; earlier++)
      if (this.#byKey.has(modelKey(spec.model[earlier] as string))) return 'model';
    if (node.pricePerMillionTokens > 0 && (same?.free ?? node.pricePerMillionTokens) < node.pricePerMillionTokens)
      return 'price';
    if (node.health <= poorHealth && (same?.health ?? 0) >= node.health + healthGain) return 'health';
    const wanted = spec.model[rank] ?? model.name;
    if (!namesModel(wanted, model) && (same?.size ?? 0) > sizeValue(node, model)) return 'size';
    if (policy.placement === 'pack') return isNearlyEmpty(now) && (same?.agents ?? 0) > agents ? 'pack' : null;
    return loadOf(model, agents) >= crowdFactor * least ? 'crowd' : null;
  }
}
/** Speeds within a factor of two are one class; unknown is the lowest. */
function speedClass({ speed }: NodeModel): number {
  return Math.floor(Math.log2(1 + speed.decodeTps));
}

/** The moves of the plan whose gain is enough, within the limit. */
function judge(
  asked: ReadonlyMap<string, Candidate>,
  { placed }: PlacementPlan,
  nodes: ReadonlyMap<string, SupplyNode>,
  cap: number,
  policy: Policy,
): Map<string, Gain> {
  const tally = new Tally(nodes);
  const gains = new Map<string, Gain>();
  const order = new Map(gainKinds.map((kind, i) => [kind, i]));
  const kindOf = ({ agent }: Placed) => order.get(asked.get(agent)?.kind as GainKind) as number;
  for (const to of [...placed].sort((a, b) => kindOf(a) - kindOf(b))) {
    const candidate = asked.get(to.agent);
    const node = nodes.get(to.node);
    if (!candidate || !node || gains.size >= cap) continue;
    const now = { ...candidate.now, agents: tally.of(candidate.now.node.id, candidate.now.model.name) };
    const gain = gainOf(now, { node, placed: to, agents: tally.of(to.node, to.model) }, policy);
    if (!gain) continue;
    gains.set(to.agent, gain);
    tally.move(candidate.now.node.id, candidate.now.model.name, to.node, to.model);
  }
  dropUnsafe(asked, placed, gains);
  return gains;
}

/**
 * Removes moves without room: an agent that was planned for and stays keeps its room, so an agent that the plan placed there does not fit,
 * nor one placed where that would have left.
 */
function dropUnsafe(asked: ReadonlyMap<string, Candidate>, placed: readonly Placed[], gains: Map<string, Gain>): void {
  for (let before = -1; before !== gains.size; ) {
    before = gains.size;
    const held = new Set<string>();
    for (const [name, { now }] of asked) if (!gains.has(name)) held.add(now.node.id);
    for (const { agent, node } of placed) if (held.has(node)) gains.delete(agent);
  }
}

/** The number of agents on each model as moves are accepted; a node is counted at its first use. */
class Tally {
  readonly #nodes: ReadonlyMap<string, SupplyNode>;
  readonly #counts = new Map<string, Map<string, number>>();
  constructor(nodes: ReadonlyMap<string, SupplyNode>) {
    this.#nodes = nodes;
  }
  of(node: string, model: string): number {
    return this.#on(node).get(model) ?? 0;
  }
  move(from: string, model: string, to: string, newModel: string): void {
    this.#on(from).set(model, this.of(from, model) - 1);
    this.#on(to).set(newModel, this.of(to, newModel) + 1);
  }
  #on(node: string): Map<string, number> {
    let counts = this.#counts.get(node);
    if (!counts) {
      const supply = this.#nodes.get(node);
      counts = supply ? countModels(supply) : new Map();
      this.#counts.set(node, counts);
    }
    return counts;
  }
}
