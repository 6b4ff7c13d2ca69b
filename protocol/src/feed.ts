// The live WebSocket feed: a snapshot, then batched deltas. A console that misses one sees it by `seq` and asks for a snapshot.
import { AgentView } from './agent.ts';
import { FleetEvent } from './enrol.ts';
import { AgentName, NodeId, TaskId } from './ids.ts';
import { NodeView } from './node.ts';
import { TaskView } from './task.ts';
import { type Static, Type } from './typebox.ts';

export const FleetTotals = Type.Object({
  name: Type.String(),
  version: Type.String(),
  startedMs: Type.Number(),
  nowMs: Type.Number(),
  nodes: Type.Object({
    online: Type.Integer(),
    suspect: Type.Integer(),
    lost: Type.Integer(),
    never: Type.Integer(),
    quarantined: Type.Integer(),
  }),
  agents: Type.Object({
    ready: Type.Integer(),
    starting: Type.Integer(),
    unplaced: Type.Integer(),
    failed: Type.Integer(),
    waiting: Type.Integer({
      description: 'Their node is away, and their policy or a freeze of moves keeps them there.',
    }),
  }),
  tasks: Type.Object({
    queued: Type.Integer(),
    running: Type.Integer(),
    deadLetters: Type.Integer(),
    endedLastMinute: Type.Integer(),
  }),
  memories: Type.Integer(),
  moves: Type.Object(
    {
      frozen: Type.Boolean(),
      reason: Type.String({ description: 'Of the widest freeze, in words.' }),
      where: Type.Array(
        Type.Object({ site: Type.Nullable(Type.String()), sinceMs: Type.Number(), reason: Type.String() }),
        { description: 'Frozen sites; null is the whole fleet.' },
      ),
      waiting: Type.Integer({ description: 'Agents that would have moved by now.' }),
    },
    { description: 'Agents of lost and draining nodes stay where they are while their site or the fleet is frozen.' },
  ),
});
export type FleetTotals = Static<typeof FleetTotals>;

/** What changed since the last frame; a null view means it is gone. Sent at most four times a second. */
export const FeedFrame = Type.Object({
  type: Type.OneOf(['snapshot', 'delta']),
  seq: Type.Integer(),
  asOfMs: Type.Number(),
  totals: FleetTotals,
  nodes: Type.Record(NodeId, Type.Nullable(NodeView)),
  agents: Type.Record(AgentName, Type.Nullable(AgentView)),
  tasks: Type.Record(TaskId, TaskView),
  events: Type.Array(FleetEvent),
});
export type FeedFrame = Static<typeof FeedFrame>;
