// The nouns of placement: nodes as supply, agents as demand, the snapshot as input and the plan as output. Only plain data; the
// computations are in the other files of this folder.
import type { AgentSpec, Board, KnownModel, NodeModel, RuntimeKind, UnplacedWhy } from '@blackroad/protocol';
import type { ClosedReason } from './closed.ts';

/** An agent for placement; the agents that its spec names are of its space. */
export interface Party {
  id: string;
  space: string;
  spec: AgentSpec;
}
/** An agent that stays on its node: it takes memory and a share of the slots, and other agents may avoid it. */
export interface Staying extends Party {
  /** The model by the node's own name for it. */
  model: string;
  /** Whether it may be moved for an agent of higher priority. */
  mayYield: boolean;
}
/** A node for placement: only nodes that can take agents now are open. */
export interface SupplyNode {
  id: string;
  class: string;
  site: string;
  labels: Readonly<Record<string, string>>;
  /** Whether its machine and its answers are simulated. */
  simulated: boolean;
  /** The reason why nothing new may be placed here, in words; null when there is none. */
  closed: { filter: ClosedReason; text: string } | null;
  memoryTotalBytes: number;
  /** The measured free memory: without the memory of other programs and of resident models. */
  memoryFreeBytes: number;
  diskFreeBytes: number;
  models: readonly NodeModel[];
  defaultChat: string | null;
  /** Models whose last fetch or load failed here, with the reason. */
  failing: ReadonlyMap<string, string>;
  /** The runtimes here that can fetch models. */
  pulls: readonly RuntimeKind[];
  /** The names of all models that they can fetch; null: all models of their registries. */
  fetchable: readonly string[] | null;
  /** From 0 to 1; 1 is healthy. A hot, throttled or nearly full machine has less. */
  health: number;
  /** The signs of its health in words; empty when there are none. */
  healthText: string;
  /** The agents that stay here. */
  agents: readonly Staying[];
  /** The number of waiting tasks for each model here, by its name. */
  waiting: ReadonlyMap<string, number>;
  pricePerMillionTokens: number;
  /** The pins, sensors and camera that agents here may be granted; null: none. */
  board: Board | null;
  /** The share of a model's slots that is kept for larger models of the node, from 0 to 1. */
  reserve: number;
}
/** An agent that needs a node. */
export interface Demand extends Party {
  /** Its last node, which has its memory, else null. */
  last: string | null;
}
/** `spread`: agents are placed where the fewest share a slot; `pack`: where the least room is left, so that whole nodes stay free. */
export type Strategy = 'spread' | 'pack';
export interface PlacementSnapshot {
  nodes: readonly SupplyNode[];
  /** In any order: placement sorts them by priority. */
  demands: readonly Demand[];
  strategy: Strategy;
  /** The coordinator's catalogue; missing: empty. */
  known?: readonly KnownModel[];
}
/** The facts of a placement: its node just before the agent was placed. Plain figures without words. */
export interface PlacedFacts {
  strategy: Strategy;
  /** Place of the model in the spec's list, from 0. */
  rank: number;
  /** How little hardware it is, from 0 to 1; 0 where it is too slow. */
  hardware: number;
  /** Whether as many agents share the model as do so without waiting for each other. */
  isCrowded: boolean;
  /** Whether the entry of the list names the model. */
  isNamed: boolean;
  /** Whether the model writes as fast as people read, on this node in its present health. */
  isFast: boolean;
  class: string;
  pricePerMillionTokens: number;
  /** `shared`: on disk or to be fetched, and other agents here need it too. */
  presence: 'loaded' | 'shared' | 'disk' | 'pull';
  /** The agents on the same model, with the slots and the memory that they share. */
  agents: number;
  waiting: number;
  slots: number;
  health: number;
  healthText: string;
  decodeTps: number;
  isMeasured: boolean;
  freeBytes: number;
  totalBytes: number;
  /** The node that has the agent's memory. */
  last: string | null;
  isHome: boolean;
  /** The nearest agent of `nearAgents`; null: the list is empty. Nearness 1: on this node, 0.5: at this site, 0: elsewhere. */
  near: string | null;
  nearness: number;
  /** Its spread group; null: none. `together`: the number of its members on this node or at this site. */
  group: string | null;
  over: 'node' | 'site';
  together: number;
}
/** An agent on a node, with the facts that decided; `whyOf` (score.ts) puts them into words. */
export interface Placed {
  /** The id of the agent, as everywhere in a plan. */
  agent: string;
  node: string;
  model: string;
  score: number;
  facts: PlacedFacts;
}
/** A model on a node that the plan changes. Models without a step and without agents are left out. */
export interface ModelStep {
  node: string;
  model: string;
  step: 'pull' | 'load' | 'keep' | 'unload';
  agents: number;
}
export interface PlacementPlan {
  placed: Placed[];
  unplaced: { agent: string; why: UnplacedWhy }[];
  /** Agents that leave their node for another agent; each is also placed elsewhere, or unplaced. */
  yielded: { agent: string; node: string; to: string }[];
  models: ModelStep[];
}
