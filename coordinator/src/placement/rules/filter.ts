// A filter: a hard rule on one agent and one node, with all its texts, so that a filter without them does not compile. Text is made only
// where it is shown.
import type { AgentSpec, FixStep } from '@blackroad/protocol';
import type { Room, Use } from '../model/room.ts';
import type { SupplyNode } from '../model/supply.ts';

/** The fields of a node that the spec's own rules examine: they can be judged of a node that reported nothing. */
export type RuledNode = Pick<SupplyNode, 'id' | 'class' | 'site' | 'labels' | 'simulated'>;
/** One agent and one node. */
export interface Ruled<N = RuledNode> {
  spec: AgentSpec;
  room: { node: N };
}
export interface Candidate extends Ruled<SupplyNode> {
  use: Use;
  room: Room;
  /** The nodes with an agent that must not share a node with this one, each with that agent. */
  conflicts: ReadonlyMap<string, string>;
}

/** `C`: the part of agent and node that the filter examines. */
export interface Filter<C = Candidate> {
  name: string;
  /** One line for the documentation. */
  text: string;
  /** The reason why the node is refused. */
  words: (refused: C) => string;
  /** The change after which the node would pass. */
  fix: {
    /**
     * The effort for people: 0.5 to wait, 1 for one command, 2 to 4 to work on the machine, 5 to change or add a program there, 6 to change
     * the agent's own rules, from 20 on for money and simulated answers.
     */
    cost: (node: SupplyNode) => number;
    /** Alternatives, each of which is enough, the smallest first. */
    ways: (refused: C) => FixStep;
  };
}
/** The texts about a filter when no node passes all filters. */
export interface Shortage {
  /** The headline where it refuses every node that is open to the agent; `subject`: `open node of class pi`. */
  only: (subject: string, spec: AgentSpec) => string;
  /** The headline where it refuses some nodes: `3 booked out`. */
  lacking: string;
}
