// The same plan by brute force, for tests and bench: every agent asks every node, in the planner's order, by the planner's
// own filters and scores. Nobody is asked to give way. Never imported by the coordinator itself.
import { openRooms, roomAt } from './choose.ts';
import { hasRoom, isRuled } from './feasible.ts';
import { byName, byNeed, byScarcity, Demands } from './groups.ts';
import { findOffer, type Offer, type Room, take } from './room.ts';
import { factsFor, nodeScore, pairScore, setNode } from './score.ts';
import type { PlacementSnapshot } from './supply.ts';

export interface Seat {
  agent: string;
  node: string;
  model: string;
}
export function placeExhaustively(snapshot: PlacementSnapshot): Seat[] {
  const fleet = openRooms(snapshot);
  const rooms = fleet.nodes.map((_, index) => roomAt(fleet, index));
  const facts = factsFor(snapshot.strategy);
  const demands = new Demands();
  for (const demand of snapshot.demands) demands.add(demand);
  const seats: Seat[] = [];
  for (let wave = demands.next(); wave; wave = demands.next()) {
    for (const group of wave.keys()) {
      const { spec } = group;
      const has = (wanted: string) => (room: (typeof rooms)[number]) => findOffer(room, wanted)?.isPull === false;
      group.scarcity ??= rooms.filter(
        (room) =>
          room.node.closed === null && isRuled(spec, room.node) && spec.model.some((wanted) => has(wanted)(room)),
      ).length;
    }
    for (const group of [...wave.keys()].sort(byScarcity)) {
      for (const { use, demands: same } of [...wave.get(group)!.values()].sort(byNeed)) {
        for (const demand of same.toSorted(byName)) {
          const { spec, last } = demand;
          const conflicts = fleet.company.conflictsOf(spec.name);
          let best: { room: Room; offer: Offer; score: number } | null = null;
          for (const room of rooms) {
            if (room.node.closed !== null || !isRuled(spec, room.node) || conflicts.has(room.node.id)) continue;
            for (let rank = 0; rank < spec.model.length; rank++) {
              const offer = findOffer(room, spec.model[rank]!);
              if (!offer || !hasRoom(room, offer, use)) continue;
              setNode(facts, room, offer, rank);
              fleet.company.setPair(facts, spec, last, room.node);
              const score = nodeScore(facts) + pairScore(facts);
              if (!best || score > best.score) best = { room, offer, score };
            }
          }
          if (!best) continue;
          const { room, offer } = best;
          take(room, offer, use, { spec, model: offer.model.name, mayYield: false });
          fleet.company.settle(spec, room.node);
          seats.push({ agent: spec.name, node: room.node.id, model: offer.model.name });
        }
      }
    }
  }
  return seats;
}
