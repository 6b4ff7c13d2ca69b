// A snapshot with its indexes: the room of each node, the agents on it, and the models that exist. Also the question that all others build
// on: the best choice for one agent on one node. The planner, explain and the exhaustive reference of the tests all use it.

import { compareText, type Pace, sortedIn } from '@blackroad/std/pace';
import { type Catalogue, emptyCatalogue, learnKnown, learnModels } from '../model/catalogue.ts';
import { Companies } from '../model/company.ts';
import { findOffer, type Offer, openRoom, type Room, type Use, useOf } from '../model/room.ts';
import type { Demand, PlacedFacts, PlacementSnapshot, Strategy, SupplyNode } from '../model/supply.ts';
import { hasRoom, isRuled } from '../rules/feasible.ts';
import { factsFor, nodeScore, pairScore, setNode } from '../rules/score.ts';
import { digestOf, type NodeDigest } from '../speed/digest.ts';
import type { SupplyCache } from '../speed/supply-cache.ts';

export interface OpenFleet {
  strategy: Strategy;
  /** In the order of their ids. */
  nodes: readonly SupplyNode[];
  indexOf: ReadonlyMap<string, number>;
  /** In the order of the nodes. */
  digests: readonly NodeDigest[];
  /** Rooms by node, each made at its first use in `roomAt`. */
  rooms: (Room | undefined)[];
  cache: SupplyCache | undefined;
  catalogue: Catalogue;
  companies: Companies;
  /** Models that some node fetches for its agents: there they count as nearly present. */
  pulling: Set<string>;
}
/** One agent on one model of one node, with the present room. */
export interface Choice {
  room: Room;
  offer: Offer;
  score: number;
  facts: PlacedFacts;
}

export function* openingRooms(
  { nodes: given, demands, strategy, known = [] }: PlacementSnapshot,
  pace: Pace,
  cache?: SupplyCache,
): Generator<void, OpenFleet> {
  const nodes = yield* sortedIn(given, (a, b) => compareText(a.id, b.id), pace);
  const companies = new Companies();
  for (const demand of demands) {
    companies.learn(demand);
    if (pace.spends(0.3)) yield;
  }
  const digests: NodeDigest[] = [];
  for (const node of nodes) {
    const digest = cache ? cache.digestOf(node) : digestOf(node);
    digests.push(digest);
    if (digest.isSocial) for (const agent of node.agents) companies.learn(agent);
    if (pace.spends(0.2 + 0.2 * node.agents.length)) yield;
  }
  const indexOf = new Map<string, number>();
  const catalogue = emptyCatalogue();
  const pulling = new Set<string>();
  const canPull = nodes.some(({ pulls }) => pulls.length > 0);
  for (const [index, node] of nodes.entries()) {
    indexOf.set(node.id, index);
    if (canPull) learnModels(catalogue, node);
    const { isSocial, fetching } = digests[index]!;
    for (const model of fetching) pulling.add(model);
    const isMinded = isSocial || companies.mindsAnybody;
    if (isMinded) for (const agent of node.agents) companies.join(agent, node);
    if (pace.spends(0.3 + (isMinded ? 0.2 * node.agents.length : 0))) yield;
  }
  if (canPull) learnKnown(catalogue, known);
  const rooms = new Array(nodes.length).fill(undefined);
  return { strategy, nodes, indexOf, digests, rooms, cache, catalogue, companies, pulling };
}
export function roomAt(fleet: OpenFleet, index: number): Room {
  const open = fleet.rooms[index];
  if (open) return open;
  const { cache, catalogue } = fleet;
  const node = fleet.nodes[index]!;
  let room = cache?.roomOf(node);
  if (room) {
    // The models that can be fetched depend on the catalogue of each plan.
    room.catalogue = catalogue;
    room.pulls = null;
  } else {
    room = openRoom(node, catalogue);
    cache?.keepRoom(room);
  }
  fleet.rooms[index] = room;
  return room;
}
/** The same room for a caller that takes from it: it is no longer the room of the next plan. */
export function roomTaken(fleet: OpenFleet, index: number): Room {
  const room = roomAt(fleet, index);
  fleet.cache?.spend(room);
  return room;
}

/** The best wanted model of this node for the agent, or null: a filter refuses (`firstRefusal` says which). */
export function bestChoice(fleet: OpenFleet, demand: Demand, room: Room, use: Use = useOf(demand.spec)): Choice | null {
  const { spec } = demand;
  if (room.node.closed !== null || !isRuled(spec, room.node)) return null;
  if (fleet.companies.conflictsOf(demand).has(room.node.id)) return null;
  let best: Offer | null = null;
  let facts: PlacedFacts | null = null;
  let [bestRank, bestScore] = [0, 0];
  for (let rank = 0; rank < spec.model.length; rank++) {
    const offer = findOffer(room, spec.model[rank]!);
    if (!offer || offer === best || !hasRoom(room, offer, use)) continue;
    facts ??= factsFor(fleet.strategy);
    setNode(facts, room, offer, { rank, wanted: spec.model[rank]! });
    const score = nodeScore(facts);
    if (best && score <= bestScore) continue;
    [best, bestRank, bestScore] = [offer, rank, score];
  }
  return best && choiceOf(fleet, demand, room, best, bestRank);
}
/** The choice and its score, also for a model without enough room. */
export function choiceOf(fleet: OpenFleet, demand: Demand, room: Room, offer: Offer, rank: number): Choice {
  const { space, spec, last } = demand;
  const facts = factsFor(fleet.strategy);
  setNode(facts, room, offer, { rank, wanted: spec.model[rank]! });
  fleet.companies.of(space).setPair(facts, spec, last, room.node);
  return { room, offer, score: nodeScore(facts) + pairScore(facts), facts };
}
