// The nouns of placement: machines as supply, agents as demand, the snapshot that goes in and the plan that comes out.
// Plain data only; what is computed from them stands in the files beside.
import type { AgentSpec, NodeModel, PlacementWhy, UnplacedWhy } from '@blackroad/protocol';

/** An agent that stays where it is: it holds memory and a share of the slots, and others may not want its company. */
export interface Staying {
  agent: string;
  /** By the node's own name for it. */
  model: string;
  contextTokens: number;
  concurrency: number;
  avoidAgents: readonly string[];
}
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
  /** What is wrong with it, in words; empty when nothing is. */
  healthText: string;
  /** Agents that stay here. */
  agents: readonly Staying[];
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
