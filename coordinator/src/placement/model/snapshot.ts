// The snapshot for placement, made from the view: nodes that could take agents, the agents on them, and the agents that need a node.
import type { NodeModel } from '@blackroad/protocol';
import { closedByHealth, worthOf } from '../../fleet/health.ts';
import type { Policy } from '../../state/input.ts';
import type { NodeLive, NodeRow } from '../../state/rows.ts';
import type { View } from '../../state/view.ts';
import type { SupplyCache } from '../speed/supply-cache.ts';
import { type ClosedReason, closedReasons } from './closed.ts';
import { isRestless, type Need, needOf } from './need.ts';
import type { Demand, PlacementSnapshot, Staying, SupplyNode } from './supply.ts';

export interface Snapped {
  /** Without demands the list of nodes is empty, as no plan is made. */
  snapshot: PlacementSnapshot;
  /** The need of each demand, by the agent's id. */
  needs: ReadonlyMap<string, Need>;
  /** Placed agents that stay although their row says that they look for a node. */
  staying: string[];
  /** Agents to examine at the next plan in any case. */
  restless: string[];
  /** The reported capacity of each node at the time of the snapshot. */
  capacities: ReadonlyMap<string, NodeLive['capacity']>;
}

/** The number of agents in one step; a step takes a fraction of a millisecond. */
const stepAgents = 256;
const stepNodes = 64;

/**
 * `looked`: the agents that may need a node; by default all. In steps, between which the view may change: the steps of the plan are checked
 * again when they are carried out (plan.ts).
 */
export function* snapshotting(
  view: View,
  nowMs: number,
  policy: Policy,
  looked: ReadonlySet<string> | null = null,
  cache?: SupplyCache,
): Generator<void, Snapped> {
  const needs = new Map<string, Need>();
  const demands: Demand[] = [];
  const staying: string[] = [];
  const restless: string[] = [];
  let count = 0;
  for (const id of looked ?? view.agents.keys()) {
    if (++count % stepAgents === 0) yield;
    const agent = view.agents.get(id);
    if (!agent) continue;
    const need = needOf(view, agent, nowMs, policy);
    if (need || isRestless(view, agent)) restless.push(id);
    if (!need) {
      if (agent.unplaced) staying.push(id);
      continue;
    }
    // An agent that is removed and applied anew between two steps appears twice.
    if (needs.has(id)) continue;
    needs.set(id, need);
    demands.push({
      id,
      space: agent.space,
      spec: agent.spec,
      last: agent.placement?.node ?? agent.last ?? null,
    });
  }
  const strategy = policy.placement;
  const asked = { needs, staying, restless };
  if (demands.length === 0) return { ...asked, snapshot: { nodes: [], demands, strategy }, capacities: new Map() };
  const { nodes, capacities } = yield* supplying(view, nowMs, policy, needs, cache);
  return { ...asked, snapshot: { nodes, demands, strategy, known: view.known.list }, capacities };
}

/** Every node with the agents that stay on it. */
export function* supplying(
  view: View,
  nowMs: number,
  policy: Policy,
  needs: ReadonlyMap<string, Need>,
  cache?: SupplyCache,
): Generator<void, { nodes: SupplyNode[]; capacities: Map<string, NodeLive['capacity']> }> {
  const waiting = waitingByNode(view);
  const arriving = arrivingByNode(view);
  // After a start many nodes are not connected yet: an agent that yields now would not have to once they are.
  const mayYield = nowMs >= view.startedMs + policy.restartGraceMs;
  const asking = new Set<string>();
  for (const id of needs.keys()) {
    const placement = view.agents.get(id)?.placement;
    if (placement) asking.add(placement.node);
  }
  const nodes: SupplyNode[] = [];
  const capacities = new Map<string, NodeLive['capacity']>();
  for (const node of view.nodes.values()) {
    if (nodes.length % stepNodes === stepNodes - 1) yield;
    if (capacities.has(node.id)) continue;
    const live = view.live.get(node.id) ?? silent;
    capacities.set(node.id, live.capacity);
    // Needs, waiting tasks and faults change with every plan, so a node with any of them is not cached.
    const isUsual =
      cache !== undefined &&
      !waiting.has(node.id) &&
      !arriving.has(node.id) &&
      !asking.has(node.id) &&
      !view.modelFaults.has(node.id);
    let supply = isUsual ? cache.supplyOf(node, live, mayYield) : null;
    if (!supply) {
      supply = supplyOf(view, node, live, { needs, waiting, arriving, mayYield, nowMs, reserve: policy.reserve });
      if (isUsual) cache.keep(supply, node, live, mayYield);
    }
    nodes.push(supply);
  }
  return { nodes, capacities };
}

type Waiting = ReadonlyMap<string, ReadonlyMap<string, number>>;
const nobodyWaits: ReadonlyMap<string, number> = new Map();
/** The number of waiting tasks by node and model: in the queue of an agent, or leased and not begun. */
function waitingByNode(view: View): Waiting {
  const waiting = new Map<string, Map<string, number>>();
  for (const [id, work] of view.work) {
    const placement = view.agents.get(id)?.placement;
    if (!placement) continue;
    let tasks = work.waiting.length;
    for (const id of work.leased) if (view.tasks.get(id)?.state === 'leased') tasks++;
    if (tasks === 0) continue;
    const here = waiting.get(placement.node) ?? new Map<string, number>();
    waiting.set(placement.node, here.set(placement.model, (here.get(placement.model) ?? 0) + tasks));
  }
  return waiting;
}

type Arriving = ReadonlyMap<string, readonly Omit<Staying, 'mayYield'>[]>;
/** The agents whose planned move to the node is under way: their room there is taken. */
function arrivingByNode(view: View): Arriving {
  const arriving = new Map<string, Omit<Staying, 'mayYield'>[]>();
  for (const id of view.leaving.keys()) {
    const agent = view.agents.get(id);
    const to = agent?.placement?.leaving?.to;
    if (!agent || !to) continue;
    const { space, spec } = agent;
    const here = arriving.get(to.node) ?? [];
    here.push({ id, space, spec, model: to.model });
    arriving.set(to.node, here);
  }
  return arriving;
}

function supplyOf(
  view: View,
  node: NodeRow,
  live: NodeLive,
  {
    needs,
    waiting,
    arriving,
    mayYield,
    nowMs,
    reserve,
  }: {
    needs: ReadonlyMap<string, Need>;
    waiting: Waiting;
    arriving: Arriving;
    mayYield: boolean;
    nowMs: number;
    reserve: number;
  },
): SupplyNode {
  const { capacity } = live;
  const agents: Staying[] = [];
  for (const id of view.agentsByNode.get(node.id) ?? []) {
    const agent = view.agents.get(id);
    const need = needs.get(id);
    // An agent that may stay keeps its room until it is moved.
    if (!agent?.placement || need?.mayStay === false) continue;
    const spec = agent.spec;
    agents.push({
      id,
      space: agent.space,
      spec,
      model: agent.placement.model,
      mayYield: mayYield && need === undefined && !agent.placement.leaving,
    });
  }
  for (const { id, space, spec, model } of arriving.get(node.id) ?? [])
    agents.push({ id, space, spec, model, mayYield: false });
  const worth = worthOf(live);
  return {
    id: node.id,
    class: node.class,
    site: node.site,
    labels: node.labels,
    simulated: node.simulated,
    closed: closedOf(node, live),
    memoryTotalBytes: capacity?.memoryTotalBytes ?? 0,
    memoryFreeBytes: capacity?.memoryFreeBytes ?? 0,
    diskFreeBytes: capacity?.diskFreeBytes ?? 0,
    models: (capacity?.models ?? []) as readonly NodeModel[],
    defaultChat: capacity?.defaultChat ?? null,
    failing: failingOn(view, node.id, nowMs),
    pulls: capacity?.pulls ?? [],
    fetchable: capacity?.fetchable ?? null,
    waiting: waiting.get(node.id) ?? nobodyWaits,
    health: worth.factor,
    healthText: worth.text,
    agents,
    pricePerMillionTokens: capacity?.pricePerMillionTokens ?? 0,
    board: capacity?.board ?? null,
    reserve,
  };
}
const nothingFails: ReadonlyMap<string, string> = new Map();
function failingOn(view: View, node: string, nowMs: number): ReadonlyMap<string, string> {
  const faults = view.modelFaults.get(node);
  if (!faults) return nothingFails;
  return new Map([...faults].flatMap(([model, { untilMs, reason }]) => (nowMs < untilMs ? [[model, reason]] : [])));
}
const silent: NodeLive = { lastSeenMs: null, capacity: null, health: null, signs: [], helloBoot: null };

/** The reason why nothing new may be placed on the node. Absence comes before a cordon, which matters only when the machine is online. */
export function closedOf(node: NodeRow, live: NodeLive): { filter: ClosedReason; text: string } | null {
  const because = (filter: ClosedReason, text: string = closedReasons[filter].text) => ({ filter, text });
  if (node.status === 'quarantined') return because('quarantined', node.quarantineReason || undefined);
  if (node.presence !== 'online')
    return because('away', node.presence === 'never' ? 'it has never been online' : `it is ${node.presence}`);
  if (live.helloBoot === null) return because('unheard');
  if (node.cordoned) return because('cordoned');
  if (node.draining) return because('draining');
  if (!live.capacity) return because('capacity', 'has not reported its capacity yet');
  const closes = closedByHealth(live);
  return closes ? because(closes) : null;
}
