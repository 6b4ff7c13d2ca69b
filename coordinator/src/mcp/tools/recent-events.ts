// The tool recent_events: what happened in the fleet, newest first.
import { AgentName, EventType, NodeId, Type } from '@blackroad/protocol';
import { closed, tool } from '../tool.ts';

export const recentEvents = tool({
  name: 'recent_events',
  title: 'Recent events',
  text: 'Lists what happened in the fleet, newest first: nodes that came and went, agents that moved, failures.',
  input: Type.Object(
    {
      node: Type.Optional(NodeId),
      agent: Type.Optional(AgentName),
      type: Type.Optional(EventType),
      limit: Type.Integer({ minimum: 1, maximum: 200, default: 30 }),
      before: Type.Optional(Type.Integer({ minimum: 1, description: '`next` of the page before.' })),
    },
    closed,
  ),
  output: Type.Object({
    events: Type.Array(
      Type.Object({
        id: Type.Integer(),
        at: Type.String({ description: 'ISO 8601.' }),
        severity: Type.String(),
        type: Type.String(),
        node: Type.Nullable(Type.String()),
        agent: Type.Nullable(Type.String()),
        text: Type.String(),
      }),
    ),
    next: Type.Nullable(Type.Integer(), { description: 'There may be older ones: ask again with this as `before`.' }),
  }),
  needs: ['events:read'],
  readOnly: true,
  destructive: false,
  idempotent: true,
  openWorld: false,
  async call({ before, ...only }, { ask }) {
    const events = await ask('events', {
      query: { ...only, ...(before === undefined ? {} : { before: String(before) }) },
    });
    return {
      events: events.map(({ id, atMs, severity, type, node, agent, text }) => ({
        id,
        at: new Date(atMs).toISOString(),
        ...{ severity, type, node, agent, text },
      })),
      next: events.length === only.limit ? (events.at(-1)?.id ?? null) : null,
    };
  },
});
