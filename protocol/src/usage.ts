// Usage and its cost: ends of tasks and of requests to models, rolled up to one row a day, agent, model, node and key. Days are UTC.
import { AgentName, NodeId } from './ids.ts';
import { maxUsageDays } from './limits.ts';
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
  costUsd: Type.Number({ description: 'Where the node named a price when the task ended; else nothing is added.' }),
};
export const Usage = Type.Object({
  from: day('First day.'),
  to: day('Last day.'),
  by: Type.OneOf(['day', 'agent', 'model', 'node', 'key']),
  total: Type.Object(sums),
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
