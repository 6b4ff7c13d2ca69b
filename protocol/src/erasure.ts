// Erasures of memories, as the API shows them: what would go and what went, and which nodes still have to confirm.
import { AgentName, Hash, NodeId, Seq, TimeMs } from './ids.ts';
import { maxErasedAtOnce, maxOrdinal } from './limits.ts';
import { type Static, Type } from './typebox.ts';

export const EraseRequest = Type.Object(
  {
    seqs: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: maxOrdinal }), { minItems: 1, maxItems: maxErasedAtOnce }),
    ),
    all: Type.Optional(Type.Literal(true, { description: 'Every memory of the agent, in its branches too.' })),
    dryRun: Type.Optional(Type.Boolean({ description: 'Only show what would go.' })),
  },
  { additionalProperties: false },
);
export type EraseRequest = Static<typeof EraseRequest>;

/** asked: it was named; derived: it was made of one that goes; copy: the same words, in a branch or brought in from one. */
const why = ['asked', 'derived', 'copy'] as const;
const ErasedMemory = Type.Object({
  agent: AgentName,
  seq: Seq,
  branch: Type.Nullable(Type.String({ description: 'Where it is in no log.' })),
  hash: Hash,
  kind: Type.String(),
  source: Type.String(),
  text: Type.String({ description: 'Its beginning.' }),
  why: Type.OneOf(why),
});

export const EraseAnswer = Type.Object({
  erased: Type.Boolean({ description: 'False: it was a dry run.' }),
  entries: Type.Integer({ description: 'How many go, or went.' }),
  memories: Type.Array(ErasedMemory, { description: 'The first of them.' }),
  nodes: Type.Array(NodeId, { description: 'Nodes that have, or had, these logs: each has to confirm.' }),
  tasks: Type.Array(Type.String(), {
    description: 'Tasks that the first of them came from: their own words stay until they are pruned.',
  }),
});
export type EraseAnswer = Static<typeof EraseAnswer>;

const Owing = Type.Object({
  node: NodeId,
  why: Type.OneOf(['away', 'old', 'told'], {
    description: 'It is not connected; its node-agent is too old to erase; it was told and has not confirmed yet.',
  }),
});
export const ErasureView = Type.Object({
  id: Type.String(),
  agent: AgentName,
  atMs: TimeMs,
  by: Type.String(),
  entries: Type.Integer(),
  owed: Type.Array(Owing, { description: 'Nodes that have not confirmed it.' }),
});
export type ErasureView = Static<typeof ErasureView>;
