// The parts of a plan as they are carried out: of bounded size, each complete, with the outcome of each. Plain data: made in moves.ts,
// decided in plan.ts.
import type { MoveCause, NodeCapacity, PlacementWhy, UnplacedWhy } from '@blackroad/protocol';

/** The step of one agent, and the state of the agent when it was planned. */
export interface PlanStep {
  /** The id of the agent. */
  agent: string;
  version: number;
  epoch: number;
  node: string | null;
  cause: MoveCause;
  because: string;
  /** Whether it may have waiting tasks: the queue is the reason of the move. */
  busy?: true;
  /** `words`: the agent keeps its node, or stays without one; only the text about it changes. */
  step:
    | { to: { node: string; model: string; why: PlacementWhy } }
    | { nowhere: UnplacedWhy }
    | { words: UnplacedWhy | null };
}
export interface PlanPart {
  steps: PlanStep[];
  /**
   * The nodes that get agents in this part: their reported capacity at the time of the plan, and the agents and models that must leave
   * first.
   */
  targets: Map<string, Target>;
  /** Each with the id of its command, which the loop assigns. */
  unloads: { node: string; model: string; command: string }[];
}
export interface Target {
  capacity: NodeCapacity | null;
  /** The agents that leave these models: to another node, or to another model of the same node. */
  leaving: { agent: string; model: string; isChanging: boolean }[];
  unloads: string[];
}
export interface PlanApplied {
  /** The number of moves by cause. */
  moved: Partial<Record<MoveCause, number>>;
  /** The number of steps that no longer fit the view. */
  stale: number;
}

/** The unload of a model that frees memory for models to be loaded. */
export interface Unload {
  node: string;
  model: string;
  command: string;
}
