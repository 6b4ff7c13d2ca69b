// Pages of the console over the whole fleet: the models and the nodes that have them, and the branches of memory that are not merged yet.
import { AgentName, Epoch, NodeId, Seq, TimeMs } from './ids.ts';
import { KnownModel } from './known-model.ts';
import { maxCatalogueNodes } from './limits.ts';
import { NodeClassName } from './node.ts';
import { ModelFetch, RuntimeKind } from './node-model.ts';
import { type Static, Type } from './typebox.ts';

/** One model over the whole fleet, or of the catalogue and on no node. */
export const CatalogueModel = Type.Object({
  name: Type.String(),
  kind: Type.OneOf(['chat', 'embed']),
  runtimes: Type.Array(Type.String()),
  parametersB: Type.Number(),
  contextTokens: Type.Integer({ description: 'The most any node gives it.' }),
  tools: Type.Boolean({ description: 'It can call tools somewhere.' }),
  sizeBytes: Type.Integer({ description: 'On disk, the largest seen.' }),
  residentBytes: Type.Integer({ description: 'In memory, the largest seen; 0: nowhere resident.' }),
  tier: Type.OneOf(['small', 'medium', 'large']),
  entry: Type.Nullable(KnownModel, {
    description: "What the coordinator's catalogue says of it; null: it is not there.",
  }),
  neededBytes: Type.Integer({
    description: 'Memory it takes with a short context: the most any node has seen, else estimated; 0: not known.',
  }),
  fits: Type.Array(
    Type.Object({
      class: NodeClassName,
      nodes: Type.Integer({ description: 'That said what they can carry.' }),
      fitting: Type.Integer({ description: 'Of them, those with memory for it.' }),
      free: Type.Integer({
        description: 'Of the fitting ones that lack it, those that can fetch it and have the disk.',
      }),
      decodeTps: Type.Number({ description: 'Answer tokens a second: measured or estimated; 0: not known.' }),
      measured: Type.Boolean(),
    }),
    {
      description:
        'How it stands to each class of this fleet, from the memory of its nodes; empty while its size is not known.',
    },
  ),
  fetchedOn: Type.Integer({
    description: 'Nodes to which the fleet fetched it: only there it may be removed for want of disk.',
  }),
  pins: Type.Array(
    Type.Object({ node: Type.Nullable(NodeId), class: Type.Nullable(NodeClassName), by: Type.String(), atMs: TimeMs }),
    { description: 'Node and class null: it is kept wherever it is.' },
  ),
  fetches: Type.Array(Type.Object({ node: NodeId, ...ModelFetch.properties }), {
    maxItems: maxCatalogueNodes,
    description: 'On their way to a node, or failed there.',
  }),
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
    Type.Object({
      node: NodeId,
      class: NodeClassName,
      resident: Type.Boolean(),
      decodeTps: Type.Number(),
      fetched: Type.Boolean({ description: 'The fleet fetched it there.' }),
    }),
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
  file: Type.Nullable(
    Type.Object({
      path: Type.String(),
      faults: Type.Array(Type.String(), { description: 'Entries that do not count, by line and field.' }),
    }),
    { description: "The operator's file of models; null: there is none." },
  ),
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
