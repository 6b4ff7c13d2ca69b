// Pages of the console over the whole fleet: the models and the nodes that have them, and the branches of memory that are not merged yet.
import { AgentName, Epoch, NodeId, Seq, TimeMs } from './ids.ts';
import { maxCatalogueNodes } from './limits.ts';
import { NodeClassName, RuntimeKind } from './node.ts';
import { type Static, Type } from './typebox.ts';

/** One model name over the whole fleet. */
export const CatalogueModel = Type.Object({
  name: Type.String(),
  kind: Type.OneOf(['chat', 'embed']),
  runtimes: Type.Array(Type.String()),
  parametersB: Type.Number(),
  contextTokens: Type.Integer({ description: 'The most any node gives it.' }),
  tools: Type.Boolean({ description: 'It can call tools somewhere.' }),
  sizeBytes: Type.Integer({ description: 'On disk, the largest seen.' }),
  residentBytes: Type.Integer({ description: 'In memory, the largest seen; 0: nowhere resident.' }),
  nodesOnDisk: Type.Integer(),
  nodesResident: Type.Integer(),
  classes: Type.Array(
    Type.Object({
      class: NodeClassName,
      nodes: Type.Integer(),
      resident: Type.Integer(),
      decodeTps: Type.Number({ description: 'Mean of answer tokens a second over its nodes.' }),
      prefillTps: Type.Number(),
      measured: Type.Integer({ description: 'Nodes whose speed is measured; the others are priors.' }),
    }),
  ),
  nodes: Type.Array(
    Type.Object({ node: NodeId, class: NodeClassName, resident: Type.Boolean(), decodeTps: Type.Number() }),
    {
      maxItems: maxCatalogueNodes,
      description: 'Resident ones first; cut, the counts are whole.',
    },
  ),
  agents: Type.Object({
    using: Type.Integer({ description: 'Placed with this model.' }),
    wanting: Type.Integer({ description: 'Name it in their list.' }),
  }),
});
export type CatalogueModel = Static<typeof CatalogueModel>;
export const Catalogue = Type.Object({
  models: Type.Array(CatalogueModel),
  classes: Type.Array(
    Type.Object({
      class: NodeClassName,
      nodes: Type.Integer({ description: 'That said what they can carry.' }),
      memoryBytes: Type.Integer({ description: 'What models may use on the largest of them; 0: not known.' }),
      pulls: Type.Array(RuntimeKind, { description: 'Runtimes of some of them that can fetch a model.' }),
    }),
    { description: 'What the classes of this fleet could carry, for what none of their nodes has yet.' },
  ),
  missing: Type.Array(Type.Object({ name: Type.String(), agents: Type.Integer() }), {
    description: 'Models that agents name and no node has.',
  }),
});
export type Catalogue = Static<typeof Catalogue>;

export const BranchView = Type.Object({
  id: Type.String(),
  agent: AgentName,
  node: NodeId,
  epoch: Epoch,
  fromSeq: Seq,
  uptoSeq: Seq,
  complete: Type.Boolean({ description: 'The node has sent all of it.' }),
  mergedUpto: Type.Nullable(Seq, { description: 'The present writer has brought in everything up to here.' }),
  receivedMs: TimeMs,
});
export type BranchView = Static<typeof BranchView>;
