// What would place an agent, as values: the act of a person, and the node, model or field of the spec it concerns. Words are made of the
// values where they are shown (fix-words.ts, and the CLI's own with commands), buttons by fix-acts.ts; no code parses the words.
import { Labels, NodeId } from './ids.ts';
import { NodeClassName } from './node.ts';
import { type Static, Type } from './typebox.ts';

/** The fields of a spec that a fix may name. */
const fixedFields = [
  'model',
  'concurrency',
  'limits.contextTokens',
  'load.tokensPerMinute',
  'onLoss.policy',
  'placement.nodes',
  'placement.class',
  'placement.site',
  'placement.simulated',
  'placement.labels',
  'placement.maxPricePerMillionTokens',
  'placement.pool',
  'placement.avoidAgents',
] as const;

const EditAgent = Type.Object(
  {
    verb: Type.Literal('edit-agent'),
    field: Type.OneOf(fixedFields),
    change: Type.OneOf(['add', 'remove', 'set', 'lower', 'replace'], {
      description:
        'add, remove: these values, of labels their names; set: to the value; lower: it is too high, or the models too large; replace: these values by others.',
    }),
    values: Type.Array(Type.Union([Type.String(), Type.Number(), Type.Boolean()]), {
      description: 'lower: what it is now. set: one value; of a list, all of it.',
    }),
    node: Type.Optional(NodeId),
  },
  { description: "Change the agent's spec; `node` is the one that it would fit then." },
);
const JoinNode = Type.Object(
  {
    verb: Type.Literal('join-node'),
    why: Type.OneOf(['missing', 'full', 'dedicated', 'booked-out', 'avoided'], {
      description: 'missing: none there is would do; the others: what is wrong with those there are.',
    }),
    class: Type.Nullable(NodeClassName),
    names: Type.Array(NodeId, { description: 'One of these names is asked for; empty: any.' }),
    node: Type.Optional(NodeId),
  },
  { description: 'Join another machine. `node`: the one that has no room.' },
);
const PullModel = Type.Object(
  {
    verb: Type.Literal('pull-model'),
    node: NodeId,
    model: Type.Nullable(Type.String(), { description: 'null: a person has to choose one.' }),
    isAny: Type.Boolean({ description: 'Any chat model will do; `model` is one that the node can fetch.' }),
  },
  { description: 'Fetch a model on the node.' },
);
const OnNode = Type.Object({
  verb: Type.OneOf([
    'uncordon-node',
    'end-drain',
    'release-node', // of its quarantine
    'bring-back', // the node is away
    'free-memory',
    'free-node', // of agents with another model
    'mend-disk',
    'mend-gpu',
    'mend-model', // it fails there
  ]),
  node: NodeId,
});
const LabelNode = Type.Object({ verb: Type.Literal('label-node'), node: NodeId, labels: Labels });
const ListPins = Type.Object({
  verb: Type.Literal('list-pins'),
  node: NodeId,
  needs: Type.Array(Type.String(), { description: '`pin motion`, `sensor attic`, `a camera`.' }),
});
const FreeDisk = Type.Object({
  verb: Type.Literal('free-disk'),
  node: NodeId,
  bytes: Type.Integer({ minimum: 0, description: 'About, and at least.' }),
  model: Type.String({ description: 'What it can fetch then.' }),
});
const GiveModel = Type.Object({
  verb: Type.OneOf([
    'serve-model', // by the server that runs there
    'start-runtime', // it has none
    'put-model-file', // a GGUF file into its models folder
  ]),
  node: NodeId,
  model: Type.Nullable(Type.String(), { description: 'null: any chat model.' }),
});
const Wait = Type.Object({
  verb: Type.Literal('wait'),
  for: Type.OneOf(['report', 'capacity', 'retry', 'placement']),
  node: Type.Optional(NodeId),
});

/** One thing to do. */
export const Fix = Type.Union([EditAgent, JoinNode, PullModel, OnNode, LabelNode, ListPins, FreeDisk, GiveModel, Wait]);
export type Fix = Static<typeof Fix>;
export type FixOf<V extends Fix['verb']> = Fix & { verb: V };

/** Ways to the same end: any of them will do. */
export const FixStep = Type.Array(Fix);
export type FixStep = Static<typeof FixStep>;

export const FixSteps = Type.Array(FixStep, {
  description:
    'The smallest change that would place it: every step of it, each by any one of its ways. Empty: that is not known yet.',
});
export type FixSteps = Static<typeof FixSteps>;
