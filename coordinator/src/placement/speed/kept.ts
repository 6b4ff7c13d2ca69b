// Results of one plan that the next one uses: of a fleet of ten thousand nodes a plan changes a few, and the others are unchanged. In: the
// nodes whose agents changed, and the data computed for a node. Out: that data again, as long as nothing it was computed from has changed.
// It only saves work: a plan without it is the same.
import type { View } from '../../state/view.ts';
import type { Room } from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';
import { digestOf, type NodeDigest } from './digest.ts';

type Node = NonNullable<ReturnType<View['nodes']['get']>>;
type Live = NonNullable<ReturnType<View['live']['get']>>;

interface KeptNode {
  supply: SupplyNode;
  node: Node;
  capacity: Live['capacity'];
  signs: Live['signs'];
  health: Live['health'];
  helloBoot: Live['helloBoot'];
  mayYield: boolean;
  digest: NodeDigest | null;
  /** The room before a plan takes from it. */
  room: Room | null;
}

export class Kept {
  readonly #nodes = new Map<string, KeptNode>();

  /** Drops nodes whose agents changed; all other inputs are compared when the data is used. */
  note(nodesWithOtherAgents: Iterable<string>): void {
    for (const node of nodesWithOtherAgents) this.#nodes.delete(node);
  }

  supplyOf(node: Node, live: Live, mayYield: boolean): SupplyNode | null {
    const kept = this.#nodes.get(node.id);
    const isSame =
      kept?.node === node &&
      kept.capacity === live.capacity &&
      kept.signs === live.signs &&
      isAsHealthy(kept, live) &&
      kept.helloBoot === live.helloBoot &&
      kept.mayYield === mayYield;
    return isSame ? kept.supply : null;
  }
  keep(supply: SupplyNode, node: Node, { capacity, signs, health, helloBoot }: Live, mayYield: boolean): void {
    this.#nodes.set(node.id, { supply, node, capacity, signs, health, helloBoot, mayYield, digest: null, room: null });
  }

  digestOf(supply: SupplyNode): NodeDigest {
    const kept = this.#of(supply);
    if (!kept) return digestOf(supply);
    kept.digest ??= digestOf(supply);
    return kept.digest;
  }
  roomOf(supply: SupplyNode): Room | null {
    return this.#of(supply)?.room ?? null;
  }
  /** Keeps a room, unless agents are on models that the node would fetch: then the room depends on the models of other nodes. */
  keepRoom(room: Room): void {
    const kept = this.#of(room.node);
    if (kept && room.pulls === null) kept.room = room;
  }
  /** Drops the room, because a plan will change it. */
  spend(room: Room): void {
    const kept = this.#of(room.node);
    if (kept) kept.room = null;
  }
  #of(supply: SupplyNode): KeptNode | null {
    const kept = this.#nodes.get(supply.id);
    return kept?.supply === supply ? kept : null;
  }
}

/**
 * Whether placement would see the same health. Nothing in the heartbeat of a node without signs is used by placement; the words of a sign
 * contain figures, which change.
 */
function isAsHealthy({ signs, health }: Pick<KeptNode, 'signs' | 'health'>, live: Live): boolean {
  return health === live.health || (signs.length === 0 && health !== null && live.health !== null);
}
