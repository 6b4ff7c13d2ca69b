// Routes of what follows a restore. The restore itself is made while no coordinator runs.
import { AgentName, NodeId } from '../ids.ts';
import { RestoreReport } from '../restore.ts';
import { Type } from '../typebox.ts';
import { route } from './row.ts';

export const restoreRoutes = {
  restoreReport: route({
    method: 'GET',
    path: '/v1/restore',
    needs: 'fleet:read',
    text: 'After a restore from a backup: what came back from nodes, what they have that the backup has not, who was not heard of.',
    answer: RestoreReport,
  }),
  restoreAgent: route({
    method: 'POST',
    path: '/v1/restore/agents',
    needs: 'backups:write',
    text: 'Brings back an agent of that report, under its id, so that its memory follows.',
    body: Type.Object(
      { agent: Type.String({ minLength: 1, maxLength: 63, description: 'Its name or id.' }) },
      { additionalProperties: false },
    ),
    answer: Type.Object({ id: Type.String(), name: AgentName, version: Type.Integer() }),
  }),
  restoreNode: route({
    method: 'POST',
    path: '/v1/restore/nodes',
    needs: 'nodes:admit',
    text: 'Lets a machine of that report in as a node: it has a certificate of this fleet from after the backup.',
    body: Type.Object({ node: NodeId }, { additionalProperties: false }),
  }),
};
