// Placement's pure interface: a snapshot in, a plan out. The plan says for every agent why it is here, or why it is nowhere
// and what would fix it. It reads no clock, keeps no state and leaves execution no choice to make.
import type { AgentSpec, NodeModel, PlacementWhy, UnplacedWhy } from '@blackroad/protocol';

/** A machine as placement sees it: only those that could take work now are `usable`. */
export interface SupplyNode {
  id: string;
  class: string;
  site: string;
  labels: Readonly<Record<string, string>>;
  /** Why nothing new may go here, in words; null when it may. Cordoned, draining, away, quarantined, not heard of since the start. */
  closed: { filter: string; text: string } | null;
  memoryTotalBytes: number;
  memoryFreeBytes: number;
  models: readonly NodeModel[];
  defaultChat: string | null;
  /** 0..1; 1 is healthy. Hot, throttled or short of disk is less. */
  health: number;
  /** Agents that stay here. */
  agents: readonly string[];
  pricePerMillionTokens: number;
}
/** An agent that needs a node. */
export interface Demand {
  spec: AgentSpec;
  /** Where it was (its memory is there), else null. */
  last: string | null;
}
export interface PlacementSnapshot {
  nodes: readonly SupplyNode[];
  /** Highest priority first is placement's business, not the caller's. */
  demands: readonly Demand[];
}
export interface PlacementPlan {
  placed: { agent: string; node: string; model: string; why: PlacementWhy }[];
  unplaced: { agent: string; why: UnplacedWhy }[];
}
export type Place = (snapshot: PlacementSnapshot) => PlacementPlan;
