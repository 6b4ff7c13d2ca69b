// Preemption: an agent without a suitable node may replace agents of lower priority that may yield, on the node where the agents with the
// lowest sum of priorities make room, then with the fewest of them. Bounded, because every attempt computes a whole room anew: the number
// of nodes that are compared for one agent is limited, beginning with those whose agents have the lowest priority, and so is the number of
// agents that leave one node for it. An agent only yields to a higher priority, so no two agents replace each other repeatedly.
// [INV-gives-way]
import type { AgentSpec } from '@blackroad/protocol';
import { compareText, type Pace, sortedIn } from '@blackroad/std/pace';
import { findOffer, type Guest, type Room, roomWithout, type Use } from '../model/room.ts';
import type { Party } from '../model/supply.ts';
import { hasRoom, isRuled } from '../rules/feasible.ts';
import { type OpenFleet, roomAt } from './choose.ts';

const maxNodesCompared = 64;
const maxYielding = 32;

/** Nodes with agents that may yield, and the lowest priority among them, lowest first. */
export interface Yielding {
  node: number;
  lowest: number;
}
export function* yieldingNodes({ nodes, digests }: OpenFleet, pace: Pace): Generator<void, readonly Yielding[]> {
  const yielding: Yielding[] = [];
  for (const [node, { lowestYielding: lowest }] of digests.entries()) {
    if (pace.spends(0.1)) yield;
    if (lowest !== null && nodes[node]!.closed === null) yielding.push({ node, lowest });
  }
  return yield* sortedIn(yielding, (a, b) => a.lowest - b.lowest || a.node - b.node, pace);
}

interface MadeRoom {
  node: number;
  leaving: Guest[];
}
/** `hopeless`: nodes where this kind of agent does not fit even without all agents that may yield; shared by the agents of the kind. */
export function* makeRoom(
  fleet: OpenFleet,
  yielding: readonly Yielding[],
  party: Party,
  use: Use,
  hopeless: Set<number>,
  pace: Pace,
): Generator<void, MadeRoom | null> {
  const { spec } = party;
  const conflicts = fleet.companies.conflictsOf(party);
  let best: (MadeRoom & { sum: number }) | null = null;
  let compared = 0;
  for (const { node, lowest } of yielding) {
    if (lowest >= spec.priority || compared >= maxNodesCompared) break;
    if (best && lowest > best.sum) break;
    if (pace.spends(0.2)) yield;
    if (hopeless.has(node) || !isRuled(spec, fleet.nodes[node]!)) continue;
    const room = roomAt(fleet, node);
    if (conflicts.has(room.node.id)) continue;
    const leaving = leavingFor(room, spec, use);
    if (pace.spends(10 + room.guests.length * 2)) yield;
    if (!leaving) {
      hopeless.add(node);
      continue;
    }
    compared++;
    const sum = leaving.reduce((all, guest) => all + guest.spec.priority, 0);
    const isBetter =
      !best ||
      sum < best.sum ||
      (sum === best.sum &&
        (leaving.length < best.leaving.length || (leaving.length === best.leaving.length && node < best.node)));
    if (isBetter) best = { node, leaving, sum };
  }
  return best;
}

/** The fewest agents of the lowest priority whose removal makes room, or null: not even all of them. */
function leavingFor(room: Room, spec: AgentSpec, use: Use): Guest[] | null {
  const fits = (leaving: Iterable<Guest>) => {
    const left = roomWithout(room, new Set(leaving));
    return spec.model.some((wanted) => {
      const offer = findOffer(left, wanted);
      return offer !== null && hasRoom(left, offer, use);
    });
  };
  const lower = room.guests
    .filter((guest) => guest.mayYield && guest.spec.priority < spec.priority)
    .sort((a, b) => a.spec.priority - b.spec.priority || compareText(a.id, b.id))
    .slice(0, maxYielding);
  if (lower.length === 0 || !fits(lower)) return null;
  // A binary search, as the removal of more agents never reduces the room.
  let [low, high] = [1, lower.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (fits(lower.slice(0, middle))) high = middle;
    else low = middle + 1;
  }
  // Some of these may not be needed: those of the highest priority are kept first.
  const leaving = new Set(lower.slice(0, low));
  for (const guest of [...leaving].reverse()) {
    leaving.delete(guest);
    if (leaving.size === 0 || !fits(leaving)) leaving.add(guest);
  }
  return [...leaving];
}
