// What a filter is: a hard rule on one agent and one node, with all that is ever said of it, so that a filter whose words
// are missing does not compile. Words are made only for what is shown.
import type { AgentSpec, FixStep } from '@blackroad/protocol';
import type { Room, Use } from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';

/** All that the spec's own rules look at: they can be judged of a node nothing else is known of. */
export type RuledNode = Pick<SupplyNode, 'id' | 'class' | 'site' | 'labels' | 'simulated'>;
/** One agent and one node. */
export interface Ruled<N = RuledNode> {
  spec: AgentSpec;
  room: { node: N };
}
export interface Candidate extends Ruled<SupplyNode> {
  use: Use;
  room: Room;
  /** Nodes that hold an agent which must not share one with this agent, and which agent that is. */
  conflicts: ReadonlyMap<string, string>;
}

/** `C`: as much of agent and node as the filter looks at. */
export interface Filter<C = Candidate> {
  name: string;
  /** One line for the documentation. */
  text: string;
  /** Why the node is refused. */
  words: (refused: C) => string;
  /** What would make the node pass. */
  fix: {
    /**
     * Ranks what people mind: 0.5 to wait, 1 for one command, 2 to 4 to see to the machine, 5 to change what runs there
     * or add one, 6 to change the agent's own rules, from 20 on money and made-up answers.
     */
    cost: (node: SupplyNode) => number;
    /** Any of them will do, the smallest first. */
    ways: (refused: C) => FixStep;
  };
}
/** What is said of a filter when no node passes all of them. */
export interface Shortage {
  /** Where it refuses every node that is open to the agent; `subject`: `open node of class pi`. */
  only: (subject: string, spec: AgentSpec) => string;
  /** Where it refuses some: `3 booked out`. */
  lacking: string;
}
