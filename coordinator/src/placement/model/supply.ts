// The nouns of placement: machines as supply, agents as demand, the snapshot that goes in and the plan that comes out.
// Plain data only; what is computed from them stands in the files beside.
import type { AgentSpec, NodeModel, RuntimeKind, UnplacedWhy } from '@blackroad/protocol';
import type { ClosedReason } from './closed.ts';

/** An agent as placement knows it; those whom its spec names are agents of its space. */
export interface Party {
  id: string;
  space: string;
  spec: AgentSpec;
}
/** An agent that stays where it is: it holds memory and a share of the slots, and others may not want its company. */
export interface Staying extends Party {
  /** By the node's own name for it. */
  model: string;
  /** May be sent away for an agent of higher priority. */
  mayYield: boolean;
}
/** A machine as placement sees it: only those that could take work now are open. */
export interface SupplyNode {
  id: string;
  class: string;
  site: string;
  labels: Readonly<Record<string, string>>;
  /** Its machine and its answers are made up. */
  simulated: boolean;
  /** Why nothing new may go here, in words; null when it may. */
  closed: { filter: ClosedReason; text: string } | null;
  memoryTotalBytes: number;
  /** Measured: what other programs hold is not in it, and neither is what resident models hold. */
  memoryFreeBytes: number;
  diskFreeBytes: number;
  models: readonly NodeModel[];
  defaultChat: string | null;
  /** Models that could not be fetched or loaded here the last time, and what happened. */
  failing: ReadonlyMap<string, string>;
  /** Runtimes here that can fetch a model they lack. */
  pulls: readonly RuntimeKind[];
  /** Names of all that they can fetch; null: whatever their registries have. */
  fetchable: readonly string[] | null;
  /** 0..1; 1 is healthy. Hot, throttled or short of disk is less. */
  health: number;
  /** What is wrong with it, in words; empty when nothing is. */
  healthText: string;
  /** Agents that stay here. */
  agents: readonly Staying[];
  /** Tasks that wait for their turn on a model here, by its name. */
  waiting: ReadonlyMap<string, number>;
  pricePerMillionTokens: number;
}
/** An agent that needs a node. */
export interface Demand extends Party {
  /** Where it was (its memory is there), else null. */
  last: string | null;
}
/** `spread`: agents go where the fewest share a slot; `pack`: where the least room is left, so that whole nodes stay free. */
export type Strategy = 'spread' | 'pack';
export interface PlacementSnapshot {
  nodes: readonly SupplyNode[];
  /** Highest priority first is placement's business, not the caller's. */
  demands: readonly Demand[];
  strategy: Strategy;
}
/** What was weighed when an agent was placed: its node as it stood before the agent came. Plain figures, no words yet. */
export interface PlacedFacts {
  strategy: Strategy;
  /** Place of the model in the spec's list, from 0. */
  rank: number;
  pricePerMillionTokens: number;
  /** `shared`: on disk or to be pulled, and other agents here need it too. */
  presence: 'loaded' | 'shared' | 'disk' | 'pull';
  /** On the same model, and what they share. */
  agents: number;
  waiting: number;
  slots: number;
  health: number;
  healthText: string;
  decodeTps: number;
  isMeasured: boolean;
  freeBytes: number;
  totalBytes: number;
  /** Where its memory is. */
  last: string | null;
  isHome: boolean;
  /** The agent of `nearAgents` that is nearest; null: it names none. 1: on this node, 0.5: at this site, 0: elsewhere. */
  near: string | null;
  nearness: number;
  /** Its spread group; null: none. `together`: how many of the group were on this node or at this site. */
  group: string | null;
  over: 'node' | 'site';
  together: number;
}
/** An agent on a node, and in figures what spoke for it; `whyOf` (score.ts) puts them into words. */
export interface Placed {
  /** Its id, as everywhere in a plan. */
  agent: string;
  node: string;
  model: string;
  score: number;
  facts: PlacedFacts;
}
/** A model on a node that the plan touches, once it is carried out. Those that nothing is done about and nobody uses are left out. */
export interface ModelStep {
  node: string;
  model: string;
  step: 'pull' | 'load' | 'keep' | 'unload';
  agents: number;
}
export interface PlacementPlan {
  placed: Placed[];
  unplaced: { agent: string; why: UnplacedWhy }[];
  /** Agents that stayed until now and give way; each is also placed elsewhere, or unplaced. */
  yielded: { agent: string; node: string; to: string }[];
  models: ModelStep[];
}
