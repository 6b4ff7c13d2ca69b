// What is known after the coordinator was restored from a backup: what nodes brought back, what they have that the backup has not, and who
// was not heard of since.
import { AgentId, AgentName, Epoch, NodeId, TimeMs } from './ids.ts';
import { maxNodes, maxRestoreRows } from './limits.ts';
import { type Static, Type } from './typebox.ts';

export const RestoreReport = Type.Object({
  restored: Type.Nullable(
    Type.Object({
      backupMs: TimeMs,
      restoredMs: TimeMs,
      version: Type.String({ description: 'Of the program that made the backup.' }),
      tasks: Type.Integer({ description: 'Tasks that had not ended in the backup: they are dead letters now.' }),
    }),
    { description: 'The last restore; null: there was none.' },
  ),
  agents: Type.Array(
    Type.Object({
      id: AgentId,
      name: AgentName,
      node: NodeId,
      epoch: Epoch,
      version: Type.Integer(),
      isKnown: Type.Boolean({ description: 'The backup has an older version of it.' }),
      isBack: Type.Boolean(),
    }),
    { maxItems: maxRestoreRows, description: 'Agents that nodes had, and the backup has not or has older.' },
  ),
  nodes: Type.Array(Type.Object({ node: NodeId, isIn: Type.Boolean() }), {
    maxItems: maxRestoreRows,
    description:
      'Machines with a certificate of this fleet that was made after the backup, for no node or with another key.',
  }),
  memories: Type.Array(Type.Object({ agent: AgentName, node: NodeId, entries: Type.Integer() }), {
    maxItems: maxRestoreRows,
    description: 'Memories from before the restore that nodes brought since.',
  }),
  silent: Type.Array(NodeId, { maxItems: maxNodes, description: 'Nodes that were not heard of since.' }),
});
export type RestoreReport = Static<typeof RestoreReport>;
