// Results of one plan that the next one uses: of a fleet of ten thousand nodes a plan changes a few, and the others are unchanged. In: the
// nodes whose agents changed, and the data computed for a node. Out: that data again, as long as nothing it was computed from has changed.
// It only saves work: a plan without it is the same.
import type { NodeLive, NodeRow } from '../../state/rows.ts';
import type { Room } from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';
import { digestOf, type NodeDigest } from './digest.ts';

interface CachedNode {
  supply: SupplyNode;
  node: NodeRow;
  capacity: NodeLive['capacity'];
  signs: NodeLive['signs'];
  health: NodeLive['health'];
  helloBoot: NodeLive['helloBoot'];
  mayYield: boolean;
  digest: NodeDigest | null;
  /** The room before a plan takes from it. */
  room: Room | null;
}

export class SupplyCache {
  readonly #nodes = new Map<string, CachedNode>();

  /** Drops nodes whose agents changed; all other inputs are compared when the data is used. */
  note(nodesWithOtherAgents: Iterable<string>): void {
    for (const node of nodesWithOtherAgents) this.#nodes.delete(node);
  }

  supplyOf(node: NodeRow, live: Readonly<NodeLive>, mayYield: boolean): SupplyNode | null {
    const cache = this.#nodes.get(node.id);
    const isSame =
      cache?.node === node &&
      cache.capacity === live.capacity &&
      cache.signs === live.signs &&
      isAsHealthy(cache, live) &&
      cache.helloBoot === live.helloBoot &&
      cache.mayYield === mayYield;
    return isSame ? cache.supply : null;
  }
  keep(
    supply: SupplyNode,
    node: NodeRow,
    { capacity, signs, health, helloBoot }: Readonly<NodeLive>,
    mayYield: boolean,
  ): void {
    this.#nodes.set(node.id, { supply, node, capacity, signs, health, helloBoot, mayYield, digest: null, room: null });
  }

  digestOf(supply: SupplyNode): NodeDigest {
    const cache = this.#of(supply);
    if (!cache) return digestOf(supply);
    cache.digest ??= digestOf(supply);
    return cache.digest;
  }
  roomOf(supply: SupplyNode): Room | null {
    return this.#of(supply)?.room ?? null;
  }
  /** Keeps a room, unless agents are on models that the node would fetch: then the room depends on the models of other nodes. */
  keepRoom(room: Room): void {
    const cache = this.#of(room.node);
    if (cache && room.pulls === null) cache.room = room;
  }
  /** Drops the room, because a plan will change it. */
  spend(room: Room): void {
    const cache = this.#of(room.node);
    if (cache) cache.room = null;
  }
  #of(supply: SupplyNode): CachedNode | null {
    const cache = this.#nodes.get(supply.id);
    return cache?.supply === supply ? cache : null;
  }
}

/**
 * Whether placement would see the same health. Nothing in the heartbeat of a node without signs is used by placement; the words of a sign
 * contain figures, which change.
 */
function isAsHealthy({ signs, health }: Pick<CachedNode, 'signs' | 'health'>, live: Readonly<NodeLive>): boolean {
  return health === live.health || (signs.length === 0 && health !== null && live.health !== null);
}
