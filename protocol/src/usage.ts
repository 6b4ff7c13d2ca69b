// Usage and its cost: ends of tasks and of requests to models, rolled up to one row a day, agent, model, node and key. Days are UTC.
import { AgentName, NodeId } from './ids.ts';
import { maxUsageDays } from './limits.ts';
import { TokenPrice } from './token-price.ts';
import { type Static, Type } from './typebox.ts';

const day = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description });
export const UsageQuery = Type.Object({
  from: Type.Optional(
    day(`First day, UTC, e.g. 2026-11-24, less than ${maxUsageDays} days before \`to\`; else 29 days before it.`),
  ),
  to: Type.Optional(day('Last day; else today.')),
  by: Type.Optional(Type.OneOf(['day', 'agent', 'model', 'node', 'key'], { default: 'day' })),
  agent: Type.Optional(AgentName),
  node: Type.Optional(NodeId),
});
export type UsageQuery = Static<typeof UsageQuery>;

const sums = {
  tasks: Type.Integer({
    description: 'Tasks that ended, cancelled ones left out, and requests to models that were answered.',
  }),
  failed: Type.Integer({ description: 'Of them failed or expired.' }),
  promptTokens: Type.Integer(),
  completionTokens: Type.Integer(),
  costUsd: Type.Number({
    description: 'Where the model, or its node, had a price when the task ended; else nothing is added.',
  }),
  cloudUsd: Type.Number({
    description:
      'What the tokens that cost nothing would have cost at the list price of the reference of their tier, as it was when they were counted.',
  }),
};
export const Usage = Type.Object({
  from: day('First day.'),
  to: day('Last day.'),
  by: Type.OneOf(['day', 'agent', 'model', 'node', 'key']),
  total: Type.Object(sums),
  reference: Type.Array(
    Type.Object({
      of: Type.OneOf(['small', 'medium', 'large', 'embed'], { description: 'A tier, or vectors.' }),
      provider: Type.String(),
      model: Type.String(),
      price: TokenPrice,
    }),
    { description: 'The models of paid APIs whose list prices `cloudUsd` is counted at now.' },
  ),
  rows: Type.Array(
    Type.Object({
      key: Type.String({
        description: 'Day, agent, model, node, or the name of the API key; empty where there is none.',
      }),
      ...sums,
    }),
    { description: 'Days in order, else most tokens first.' },
  ),
});
export type Usage = Static<typeof Usage>;
