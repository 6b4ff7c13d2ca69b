// Placement: in a snapshot, out a plan. The plan has for every agent its node and the facts that decided, or the reason why it has none and
// the fix. It reads no clock, keeps no state and leaves no choice to the execution.
//
// Greedy: agents in an order (groups.ts), each to the best node at that moment. The result is the same as if every node were examined for
// every agent; far fewer are (search.ts). Sliced: after each slice the event loop may run other work.

import type { UnplacedWhy } from '@blackroad/protocol';
import { Pace, sortedIn } from '@blackroad/std/pace';
import { byId, byNeed, byScarcity, Demands, type Group, type Kind } from '../model/groups.ts';
import { fill, type Guest, take } from '../model/room.ts';
import type { Demand, PlacementPlan, PlacementSnapshot } from '../model/supply.ts';
import { Postings } from '../speed/postings.ts';
import { type Found, nodesFor, Search, type World } from '../speed/search.ts';
import type { SupplyCache } from '../speed/supply-cache.ts';
import { explaining, type Nowhere, whyNowhere } from '../why/why.ts';
import { choiceOf, openingRooms, roomAt, roomTaken } from './choose.ts';
import { makeRoom, type Yielding, yieldingNodes } from './preempt.ts';
import { stepsOf } from './steps.ts';

/** The number of candidates kept for groups that continue at a lower priority; beyond it they are searched anew. */
const maxKept = 2_000_000;
/** The number of kinds of one group that get a reason of their own for being unplaced; the others get that of the last one. */
const maxExplained = 8;
/** The number of kinds of agents that may preempt others in one plan. */
const maxPreemptingKinds = 200;

/** `cache`: results of the last plan for the same nodes: they save work and change nothing. */
export function* planning(snapshot: PlacementSnapshot, cache?: SupplyCache): Generator<void, PlacementPlan> {
  const open = yield* openPlan(snapshot, cache);
  const demands = new Demands();
  for (const demand of snapshot.demands) {
    demands.add(demand);
    if (open.pace.spends(1)) yield;
  }
  yield* placeAll(open, demands);
  if (open.freed.length > 0 && open.failed.length > 0) {
    // The agents that left may have freed more room than the new ones have taken.
    const again = new Demands();
    for (const { demand } of open.failed) again.add(demand);
    open.failed = [];
    open.yielding = [];
    yield* placeAll(open, again);
  }
  return yield* finish(open);
}

/** A plan that is being made. */
interface OpenPlan extends World {
  plan: PlacementPlan;
  failed: { demand: Demand; kind: Kind; group: Group }[];
  yielding: readonly Yielding[];
  preemptingKinds: number;
  /** The agents that yielded, by id. */
  gaveWay: Map<string, { node: string; model: string; to: Demand }>;
  /** The models that newly placed agents use, by node. */
  newcomers: Map<number, Set<string>>;
  /** The candidates of groups that continue at a lower priority. */
  kept: Map<Group, Search>;
}
function* openPlan(snapshot: PlacementSnapshot, cache: SupplyCache | undefined): Generator<void, OpenPlan> {
  const pace = new Pace();
  const fleet = yield* openingRooms(snapshot, pace, cache);
  return {
    fleet,
    pace,
    postings: new Postings(fleet, pace),
    taken: [],
    freed: [],
    listed: 0,
    sites: new Map(),
    plan: { placed: [], unplaced: [], yielded: [], models: [] },
    failed: [],
    yielding: yield* yieldingNodes(fleet, pace),
    preemptingKinds: 0,
    gaveWay: new Map(),
    newcomers: new Map(),
    kept: new Map(),
  };
}

function* placeAll(open: OpenPlan, demands: Demands): Generator<void> {
  for (let wave = demands.next(); wave; wave = demands.next()) {
    if (wave.size > 1) for (const group of wave.keys()) group.scarcity ??= yield* countNodes(open, group);
    for (const group of yield* sortedIn([...wave.keys()], byScarcity, open.pace))
      yield* placeGroup(open, demands, group, wave.get(group)!.values());
  }
  open.kept.clear();
}
/** The number of open nodes within the group's rules that have a wanted model. */
function* countNodes(world: World, group: Group): Generator<void, number> {
  if (group.spec.model.length === 1) return (yield* nodesFor(world, group, 0, false)).length;
  const seen = new Set<number>();
  for (let rank = 0; rank < group.spec.model.length; rank++) {
    for (const node of yield* nodesFor(world, group, rank, false)) {
      seen.add(node);
      if (world.pace.spends(0.1)) yield;
    }
  }
  return seen.size;
}

function* placeGroup(open: OpenPlan, demands: Demands, group: Group, kinds: Iterable<Kind>): Generator<void> {
  const { kept } = open;
  let search = kept.get(group);
  kept.delete(group);
  if (search?.isUsable()) yield* search.catchUp();
  else search = new Search(open, group);
  for (const kind of yield* sortedIn([...kinds], byNeed, open.pace)) {
    yield* search.reconsider(kind.use);
    yield* placeKind(open, demands, search, kind);
  }
  search.rest();
  let size = search.size;
  for (const other of kept.values()) size += other.size;
  if (size <= maxKept && [...demands.waves.values()].some((wave) => wave.has(group))) kept.set(group, search);
}

function* placeKind(open: OpenPlan, demands: Demands, search: Search, kind: Kind): Generator<void> {
  const { pace, fleet } = open;
  /** Once no node takes an agent of this kind, none takes the next, unless an agent yielded since. */
  let nowhereSince = -1;
  const preempting: Preempting = { hopeless: new Set(), mayLook: true, isCounted: false };
  const inTurn = yield* sortedIn(kind.demands, byId, pace);
  for (const demand of inTurn) {
    if (pace.spends(1)) yield;
    let found: Found | null = null;
    if (nowhereSince !== open.freed.length) found = yield* search.find(demand, kind.use);
    if (!found && fleet.companies.conflictsOf(demand).size === 0) nowhereSince = open.freed.length;
    if (!found && preempting.mayLook) {
      found = yield* takeThePlace(open, demands, search, kind, demand, preempting);
    }
    if (found) placeAt(open, search, kind, demand, found);
    else open.failed.push({ demand, kind, group: search.group });
  }
}

interface Preempting {
  hopeless: Set<number>;
  mayLook: boolean;
  isCounted: boolean;
}
/** Removes agents of lower priority from a node; they are placed again with the others of their priority. */
function* takeThePlace(
  open: OpenPlan,
  demands: Demands,
  search: Search,
  kind: Kind,
  demand: Demand,
  preempting: Preempting,
): Generator<void, Found | null> {
  const { fleet, yielding, pace } = open;
  const [first] = yielding;
  if (first && !preempting.isCounted) {
    preempting.isCounted = true;
    open.preemptingKinds++;
  }
  if (!first || first.lowest >= demand.spec.priority || open.preemptingKinds > maxPreemptingKinds) {
    preempting.mayLook = false;
    return null;
  }
  const made = yield* makeRoom(fleet, yielding, demand, kind.use, preempting.hopeless, pace);
  if (!made) {
    if (fleet.companies.conflictsOf(demand).size === 0) preempting.mayLook = false;
    return null;
  }
  const room = roomTaken(fleet, made.node);
  const { node } = room;
  const leaving = new Set<Guest>(made.leaving);
  fill(
    room,
    room.guests.filter((guest) => !leaving.has(guest)),
  );
  for (const { id, space, spec, model } of made.leaving) {
    fleet.companies.of(space).leave(spec, node);
    open.gaveWay.set(id, { node: node.id, model, to: demand });
    demands.add({ id, space, spec, last: node.id });
  }
  open.freed.push(made.node);
  search.freedUp();
  return yield* search.find(demand, kind.use);
}

function placeAt(open: OpenPlan, search: Search, kind: Kind, demand: Demand, found: Found): void {
  const { fleet, plan, newcomers, gaveWay } = open;
  const { id, space, spec } = demand;
  const room = roomTaken(fleet, found.node);
  const { score, facts } = choiceOf(fleet, demand, room, found.offer, found.rank);
  const model = found.offer.model.name;
  const before = gaveWay.get(id);
  if (before && before.node === room.node.id && before.model === model) {
    // The node has room for both after all, so the agent stays where it was.
    gaveWay.delete(id);
  } else {
    plan.placed.push({ agent: id, node: room.node.id, model, score, facts });
  }
  take(room, found.offer, kind.use, { id, space, spec, model, mayYield: false });
  if (found.offer.isPull) fleet.pulling.add(model);
  fleet.companies.join(demand, room.node);
  open.taken.push(found.node);
  search.tookAt(found.node);
  const models = newcomers.get(found.node);
  if (models) models.add(model);
  else newcomers.set(found.node, new Set([model]));
}

function* finish(open: OpenPlan): Generator<void, PlacementPlan> {
  const { fleet, plan, failed, gaveWay, newcomers, freed, pace } = open;
  const nowhere = new Map<Group, Nowhere[]>();
  for (const { demand, kind, group } of failed) {
    const explained = nowhere.get(group) ?? [];
    nowhere.set(group, explained);
    let reasons = explained.find(({ use }) => use === kind.use);
    if (!reasons && explained.length >= maxExplained) reasons = explained[maxExplained - 1];
    if (!reasons) {
      reasons = yield* explaining(fleet, kind.spec, kind.use, pace);
      explained.push(reasons);
    }
    const why = whyNowhere(fleet, demand, reasons);
    plan.unplaced.push({ agent: demand.id, why: withReason(why, demand, gaveWay.get(demand.id)) });
    if (pace.spends(0.5)) yield;
  }
  for (const [agent, { node, to }] of gaveWay) plan.yielded.push({ agent, node, to: to.id });
  const touched = yield* sortedIn([...new Set([...newcomers.keys(), ...freed])], (a, b) => a - b, pace);
  for (const node of touched) {
    for (const step of stepsOf(roomAt(fleet, node), newcomers.get(node) ?? new Set())) plan.models.push(step);
    if (pace.spends(2)) yield;
  }
  return plan;
}
function withReason(why: UnplacedWhy, { spec }: Demand, before: { node: string; to: Demand } | undefined): UnplacedWhy {
  if (!before) return why;
  const { name, priority } = before.to.spec;
  const text = `it gave way on ${before.node} to ${name} (priority ${priority}, its own is ${spec.priority}), and ${why.text}`;
  return { ...why, text };
}
