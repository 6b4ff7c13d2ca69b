// What is stored of a planned move while it waits for its node. [decision 36]
import type { MoveCause, PlacementWhy, UnplacedWhy } from '@blackroad/protocol';

/** A planned move that was decided and not made yet: the epoch grows when the node has brought the agent's last memories. */
export interface Leaving {
  /** Null: it is taken off its node. */
  readonly to: { readonly node: string; readonly model: string; readonly why: PlacementWhy } | null;
  readonly cause: MoveCause;
  readonly because?: string;
  /** Why it has no node then, where it is taken off. */
  readonly unplaced?: UnplacedWhy | null;
  /** When it was decided. Also the number by which the node says what it answers, so it never changes. */
  readonly sinceMs: number;
  /** The same moment, by the clock as it was set since. */
  readonly waitsFromMs: number;
  /** The node has brought everything of the agent; missing: not yet. */
  readonly drained?: true;
}
