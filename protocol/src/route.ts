// Where a request to a model would be answered, and why.

import { NodeId } from './ids.ts';
import { NodeClassName } from './node.ts';
import { type Static, Type } from './typebox.ts';

export const RouteAsk = Type.Object(
  {
    model: Type.String({
      minLength: 1,
      maxLength: 1000,
      description: 'As in a request: a name, a tier, several with commas.',
    }),
    kind: Type.Optional(Type.OneOf(['chat', 'embed'], { default: 'chat' })),
    promptTokens: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000, default: 500 })),
    answerTokens: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, default: 300 })),
    tools: Type.Optional(Type.Boolean({ default: false })),
    pictures: Type.Optional(Type.Boolean({ default: false })),
    key: Type.Optional(
      Type.String({
        maxLength: 63,
        description: 'As a request with this key would be answered, by its id or name; else with the own one.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type RouteAsk = Static<typeof RouteAsk>;

const Ms = (description: string) => Type.Number({ minimum: 0, description });
export const RoutePlace = Type.Object({
  node: NodeId,
  class: NodeClassName,
  model: Type.String(),
  waitMs: Ms('For a slot.'),
  loadMs: Ms('To load the model.'),
  firstMs: Ms('Until the first token: waiting, loading and reading.'),
  finishMs: Ms('Until the answer is finished.'),
  tokensPerS: Type.Number({ minimum: 0 }),
  busy: Type.Integer(),
  waiting: Type.Integer(),
  slots: Type.Integer(),
});
export type RoutePlace = Static<typeof RoutePlace>;

export const RouteExplained = Type.Object({
  chosen: Type.Nullable(RoutePlace),
  why: Type.String({ description: 'In words; empty where no node can answer.' }),
  problem: Type.Nullable(Type.String({ description: 'Why no node can answer.' })),
  tried: Type.Array(Type.String(), {
    description: 'Models of the list that were looked for, up to the one that is found.',
  }),
  others: Type.Array(RoutePlace, {
    maxItems: 64,
    description: 'Other places that could answer, the better ones first.',
  }),
  refused: Type.Array(Type.Object({ node: NodeId, model: Type.String(), filter: Type.String(), text: Type.String() }), {
    maxItems: 256,
  }),
});
export type RouteExplained = Static<typeof RouteExplained>;
