// Answers about placement for people: why an agent is on its node and on no other, and what a change of the fleet would do.
import { AgentSpec, PlacementWhy, RefusedNodes } from './agent.ts';
import { FixSteps } from './fix.ts';
import { AgentName, Labels, NodeId } from './ids.ts';
import { maxAgents } from './limits.ts';
import { NodeClassName } from './node.ts';
import { type Static, Type } from './typebox.ts';

/** One node that could hold the agent, as the node is now. */
export const NodeScore = Type.Object({
  ...PlacementWhy.properties,
  isHere: Type.Boolean({ description: 'The agent is on it.' }),
});
export type NodeScore = Static<typeof NodeScore>;

/** `fleet agents explain`: computed from the fleet as it is now, not from what was stored when the agent was placed. */
export const PlacementExplained = Type.Object({
  agent: AgentName,
  node: Type.Nullable(NodeId),
  placedMs: Type.Nullable(Type.Number()),
  /** One sentence. */
  text: Type.String(),
  /** Why the agent moves, will move or may not move now: its node is lost or draining, or moves are frozen. null: it stays. */
  pending: Type.Nullable(Type.String()),
  here: Type.Nullable(NodeScore, { description: 'Its node, scored as if it were placed now.' }),
  others: Type.Array(NodeScore, { description: 'The best other nodes that would take it, best first; a few.' }),
  classes: Type.Array(
    Type.Object({
      class: NodeClassName,
      nodes: Type.Integer(),
      wouldTake: Type.Integer(),
      refused: Type.Array(RefusedNodes, { description: 'Each node counts under the first filter that refuses it.' }),
    }),
  ),
  unplaced: Type.Nullable(Type.Object({ text: Type.String(), fix: FixSteps })),
});
export type PlacementExplained = Static<typeof PlacementExplained>;

const closed = { additionalProperties: false };
/** Selects nodes: every field given must match; at least one is required. */
export const NodeSelector = Type.Object(
  {
    node: Type.Optional(NodeId),
    site: Type.Optional(Type.String({ maxLength: 63 })),
    class: Type.Optional(NodeClassName),
    labels: Type.Optional(Labels),
  },
  { ...closed, minProperties: 1 },
);
export type NodeSelector = Static<typeof NodeSelector>;

export const WhatIfRequest = Type.Object(
  {
    add: Type.Array(
      Type.Object({ spec: AgentSpec, count: Type.Integer({ minimum: 1, maximum: maxAgents, default: 1 }) }, closed),
      { maxItems: 50, default: [], description: 'Agents that would be added; copies are numbered.' },
    ),
    change: Type.Optional(Type.Array(AgentSpec, { maxItems: 50, description: 'Agents that would have this spec.' })),
    lose: Type.Array(NodeSelector, { maxItems: 50, default: [], description: 'Nodes that would be lost for good.' }),
    drain: Type.Array(NodeSelector, { maxItems: 50, default: [], description: 'Nodes that would be drained.' }),
  },
  { ...closed, description: 'A fleet that is not: answered without touching anything.' },
);
export type WhatIfRequest = Static<typeof WhatIfRequest>;

const Filling = Type.Object({
  agents: Type.Integer(),
  memoryBytes: Type.Integer({ description: 'Of models and contexts that the plan counts on.' }),
  models: Type.Array(Type.String(), { description: 'Models in use.' }),
});
/** Lists are cut to `maxWhatIfRows`; the counts are whole. */
export const WhatIfPlan = Type.Object({
  nodesLost: Type.Integer(),
  agentsAdded: Type.Integer(),
  placed: Type.Integer({ description: 'Added agents that found a node.' }),
  moved: Type.Integer({ description: 'Agents that would change their node.' }),
  displaced: Type.Integer({ description: 'Agents that would lose their node and find no other.' }),
  staying: Type.Integer({ description: 'Agents of drained nodes that have no other place and would stay.' }),
  unplaced: Type.Array(
    Type.Object({ agents: Type.Integer(), example: AgentName, text: Type.String(), fix: FixSteps }),
    {
      description: 'Agents with no node, by reason.',
    },
  ),
  moves: Type.Array(
    Type.Object({
      agent: AgentName,
      from: Type.Nullable(NodeId),
      to: Type.Nullable(NodeId),
      model: Type.Nullable(Type.String()),
    }),
  ),
  models: Type.Array(
    Type.Object({
      model: Type.String(),
      node: NodeId,
      step: Type.OneOf(['pull', 'load', 'keep', 'unload']),
      agents: Type.Integer(),
    }),
    { description: 'Models that would be fetched, loaded or unloaded; those that stay as they are left out.' },
  ),
  nodes: Type.Array(
    Type.Object({
      node: NodeId,
      class: NodeClassName,
      site: Type.String(),
      memoryTotalBytes: Type.Integer(),
      lost: Type.Boolean(),
      before: Filling,
      after: Filling,
    }),
    { description: 'Nodes that would change, most changed first.' },
  ),
});
export type WhatIfPlan = Static<typeof WhatIfPlan>;
