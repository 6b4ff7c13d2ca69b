// A plan as it is carried out: parts of bounded size, each complete in itself, and what came of one. Plain data: made in moves.ts, decided
// in plan.ts.
import type { MoveCause, NodeCapacity, PlacementWhy, UnplacedWhy } from '@blackroad/protocol';

/** What becomes of one agent, and what it was when that was planned. */
export interface PlanStep {
  /** Its id. */
  agent: string;
  version: number;
  epoch: number;
  node: string | null;
  cause: MoveCause;
  because: string;
  /** It may have work that waits: the queue is why it moves. */
  busy?: true;
  /** `words`: it keeps its place, or goes on having none; only what is said of it changes. */
  step:
    | { to: { node: string; model: string; why: PlacementWhy } }
    | { nowhere: UnplacedWhy }
    | { words: UnplacedWhy | null };
}
export interface PlanPart {
  steps: PlanStep[];
  /** Of nodes that get agents in this part: what they said of themselves when the plan was made, and what must be gone first. */
  targets: Map<string, Target>;
  /** With a command's id each, given by the loop. */
  unloads: { node: string; model: string; command: string }[];
}
export interface Target {
  capacity: NodeCapacity | null;
  /** Off these models: elsewhere, or to another model of the same node. */
  leaving: { agent: string; model: string; isChanging: boolean }[];
  unloads: string[];
}
export interface PlanApplied {
  /** Moves by cause. */
  moved: Partial<Record<MoveCause, number>>;
  /** Steps that no longer fit the view. */
  stale: number;
}

/** Memory of a model that is freed before what comes can be loaded. */
export interface Unload {
  node: string;
  model: string;
  command: string;
}
