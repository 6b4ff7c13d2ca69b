// Placement: a snapshot in, a plan out. The plan says for every agent why it is here, or why it is nowhere and what would
// fix it. It reads no clock, keeps no state and leaves execution no choice to make.
//
// Greedy, and never quadratic in practice: agents that ask the same (a "kind") share one list of candidates, best first;
// after each placement only the node that took it is judged again. Cost: kinds x nodes + agents x log nodes.

import type { UnplacedWhy } from '@blackroad/protocol';
import { BestFirst, type Entry } from './best-first.ts';
import { Company } from './company.ts';
import { brokenRule, type Candidate, firstRefusal, isSuited } from './feasible.ts';
import { findOffer, isFitting, openRoom, type Room, take, type Use, useOf } from './room.ts';
import { type Choice, explainScores, localityWeight, round, scoreOf } from './score.ts';
import type { Demand, Place, PlacementPlan } from './supply.ts';
import { type Blocked, explainBlocked, explainUnplaced, RefusalCount } from './why.ts';

export type { Demand, Place, PlacementPlan, PlacementSnapshot, Staying, SupplyNode } from './supply.ts';

/** Demands that ask the same of a node; they differ in name, in company and in where they were. */
interface Kind {
  key: string;
  /** The part of the key that names nodes and models, without amounts. */
  where: string;
  priority: number;
  use: Use;
  demands: Demand[];
  /** Nodes open to it that have a wanted model, full or not; few means hard to place. */
  openTo: number;
}

export const place: Place = (snapshot) => {
  const nodes = [...snapshot.nodes].sort((a, b) => compare(a.id, b.id));
  const rooms = nodes.map(openRoom);
  const indexOf = new Map(nodes.map((node, index) => [node.id, index]));
  const company = new Company(snapshot);
  const plan: PlacementPlan = { placed: [], unplaced: [] };
  for (const kind of inOrder(kindsOf(snapshot.demands), rooms, indexOf)) placeKind(kind, rooms, indexOf, company, plan);
  return plan;
};

function placeKind(
  kind: Kind,
  rooms: readonly Room[],
  indexOf: ReadonlyMap<string, number>,
  company: Company,
  plan: PlacementPlan,
): void {
  const { spec } = kind.demands[0]!;
  const candidates = new BestFirst();
  const refused = new RefusalCount();
  const judge = (index: number) => {
    const room = rooms[index]!;
    const refusal = firstRefusal(candidateOf(kind, spec, room));
    if (refusal) {
      candidates.drop(index);
      refused.add(refusal, room.node.id);
    } else {
      candidates.put(index, scoreOf(bestChoice(kind, spec, room, null)));
    }
  };
  const eligible = eligibleRooms(spec, rooms, indexOf);
  for (const index of eligible) judge(index);
  countOthers(spec, rooms, eligible, refused);

  // Room only shrinks: once no node takes one of this kind, none takes the next.
  let nowhere: UnplacedWhy | null = null;
  for (const demand of kind.demands) {
    const name = demand.spec.name;
    const conflicts = company.conflictsOf(name);
    const best = bestFor(demand, candidates, conflicts, rooms, indexOf);
    const blocked = blockedBy(conflicts, (node) => candidates.of(indexOf.get(node) ?? -1) !== undefined);
    if (!best) {
      if (blocked.length > 0) plan.unplaced.push({ agent: name, why: explainBlocked(blocked, refused) });
      else {
        nowhere ??= explainUnplaced(spec, kind.use, rooms, eligible, refused);
        plan.unplaced.push({ agent: name, why: nowhere });
      }
      continue;
    }
    const room = rooms[best.node]!;
    const choice = bestChoice(kind, demand.spec, room, demand.last);
    plan.placed.push({
      agent: name,
      node: room.node.id,
      model: choice.offer.model.name,
      why: {
        node: room.node.id,
        model: choice.offer.model.name,
        score: round(scoreOf(choice)),
        scores: explainScores(choice),
        considered: rooms.length,
        refused: refused.withCompany(blocked),
      },
    });
    take(room, choice.offer, kind.use);
    company.settle(name, room.node.id);
    judge(best.node);
  }
}

/** Where a spec names its nodes only those are judged: ten thousand agents, each pinned to its node, must not cost a square. */
function eligibleRooms(
  { placement }: Demand['spec'],
  rooms: readonly Room[],
  indexOf: ReadonlyMap<string, number>,
): readonly number[] {
  if (placement.nodes.length === 0) return [...rooms.keys()];
  const named = new Set(placement.nodes.flatMap((node) => indexOf.get(node) ?? []));
  return [...named].sort((a, b) => a - b);
}
function countOthers(
  spec: Demand['spec'],
  rooms: readonly Room[],
  eligible: readonly number[],
  refused: RefusalCount,
): void {
  if (eligible.length === rooms.length) return;
  const other = rooms.findIndex((_, index) => eligible[index] !== index);
  const room = rooms[other]!;
  const refusal = brokenRule({ spec, room });
  if (refusal) refused.add(refusal, room.node.id, rooms.length - eligible.length);
}

/** Nodes that would do, were it not for an agent on them. */
function blockedBy(conflicts: ReadonlyMap<string, string>, wouldDo: (node: string) => boolean): Blocked[] {
  if (conflicts.size === 0) return [];
  const blocked = [...conflicts].filter(([node]) => wouldDo(node)).map(([node, other]) => ({ node, other }));
  return blocked.sort((a, b) => compare(a.node, b.node));
}

/** The best candidate without forbidden company; the node that holds the agent's memory gets its bonus here. */
function bestFor(
  { last }: Demand,
  candidates: BestFirst,
  conflicts: ReadonlyMap<string, string>,
  rooms: readonly Room[],
  indexOf: ReadonlyMap<string, number>,
): Entry | null {
  const isAllowed = (index: number) => !conflicts.has(rooms[index]!.node.id);
  const best = candidates.best(isAllowed);
  const home = last === null ? undefined : candidates.of(indexOf.get(last) ?? -1);
  if (!best || !home || home === best || !isAllowed(home.node)) return best;
  return home.score + localityWeight >= best.score ? home : best;
}

function candidateOf(kind: Kind, spec: Demand['spec'], room: Room): Candidate {
  return { spec, use: kind.use, room, conflicts: noConflicts };
}
const noConflicts: ReadonlyMap<string, string> = new Map();

/** The best wanted model of a node that is known to be feasible. */
function bestChoice(kind: Kind, spec: Demand['spec'], room: Room, last: string | null): Choice {
  let best: Choice | null = null;
  let bestScore = 0;
  for (let rank = 0; rank < spec.model.length; rank++) {
    const offer = findOffer(room, spec.model[rank]!);
    if (!offer || offer === best?.offer || !isFitting(room, offer, kind.use)) continue;
    const choice: Choice = { room, offer, use: kind.use, rank, last };
    const score = scoreOf(choice);
    if (!best || score > bestScore) {
      best = choice;
      bestScore = score;
    }
  }
  return best!;
}

function kindsOf(demands: readonly Demand[]): Kind[] {
  const kinds = new Map<string, Kind>();
  const byName = [...demands].sort((a, b) => compare(a.spec.name, b.spec.name));
  for (const demand of byName) {
    const { spec } = demand;
    const { class: classes, site, labels, nodes } = spec.placement;
    const use = useOf(spec);
    const wanted = Object.keys(labels)
      .sort()
      .map((key) => [key, labels[key]]);
    const where = JSON.stringify([spec.model, classes, site, wanted, nodes]);
    const key = JSON.stringify([spec.priority, where, use.contextTokens, use.concurrency]);
    const kind = kinds.get(key);
    if (kind) kind.demands.push(demand);
    else kinds.set(key, { key, where, priority: spec.priority, use, demands: [demand], openTo: 0 });
  }
  return [...kinds.values()];
}

/** Priority first; then what fewest nodes have the model for; then the largest context, which needs the largest hole. */
function inOrder(kinds: Kind[], rooms: readonly Room[], indexOf: ReadonlyMap<string, number>): Kind[] {
  const openTo = new Map<string, number>();
  for (const kind of kinds) {
    let count = openTo.get(kind.where);
    if (count === undefined) {
      const { spec } = kind.demands[0]!;
      const eligible = eligibleRooms(spec, rooms, indexOf);
      count = kinds.length === 1 ? 0 : eligible.filter((index) => isSuited({ spec, room: rooms[index]! })).length;
      openTo.set(kind.where, count);
    }
    kind.openTo = count;
  }
  return kinds.sort(
    (a, b) =>
      b.priority - a.priority ||
      a.openTo - b.openTo ||
      b.use.contextTokens * b.use.concurrency - a.use.contextTokens * a.use.concurrency ||
      compare(a.key, b.key),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
