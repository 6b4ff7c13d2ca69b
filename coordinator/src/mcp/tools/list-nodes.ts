// The tool list_nodes: the machines of the fleet in short rows, a page of them.
import { maxPageRows, NodeClassName, NodeId, type NodeView, Type } from '@blackroad/protocol';
import { closed, tool } from '../tool.ts';

const Row = Type.Object({
  node: NodeId,
  presence: Type.String({ description: 'online, suspect (its connection fell), lost, or never (not yet seen).' }),
  lastSeen: Type.Nullable(Type.String({ description: 'ISO 8601.' })),
  class: NodeClassName,
  site: Type.String(),
  cordoned: Type.Boolean(),
  draining: Type.Boolean(),
  troubles: Type.Array(Type.String(), { description: 'What is wrong with it in words, worst first.' }),
  agents: Type.Array(Type.String()),
  tasksRunning: Type.Integer(),
  models: Type.Array(Type.String(), { description: 'On its disk or in its memory.' }),
  memoryFreeBytes: Type.Nullable(Type.Integer()),
});

/** Nodes that one page of the API has while a filter looks for them. */
const stepRows = Math.min(500, maxPageRows);

export const listNodes = tool({
  name: 'list_nodes',
  title: 'List nodes',
  text: 'Lists the machines (nodes) of the fleet: which are online, what is wrong with them, which agents and models they have.',
  input: Type.Object(
    {
      presence: Type.Optional(Type.OneOf(['online', 'suspect', 'lost', 'never'])),
      site: Type.Optional(Type.String({ maxLength: 63 })),
      class: Type.Optional(NodeClassName),
      limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
      after: Type.Optional(Type.String({ maxLength: 63, description: '`next` of the page before.' })),
    },
    closed,
  ),
  output: Type.Object({
    nodes: Type.Array(Row),
    next: Type.Nullable(Type.String(), { description: 'There are more: ask again with this as `after`.' }),
  }),
  needs: ['nodes:read'],
  readOnly: true,
  destructive: false,
  idempotent: true,
  openWorld: false,
  async call({ presence, site, class: name, limit, after }, { ask }) {
    const nodes: NodeView[] = [];
    let last = after;
    // One more than asked for says whether there are more.
    while (nodes.length <= limit) {
      const page = await ask('nodes', { query: { limit: stepRows, ...(last === undefined ? {} : { after: last }) } });
      for (const node of page)
        if (
          (presence === undefined || node.presence === presence) &&
          (site === undefined || node.site === site) &&
          (name === undefined || node.class === name)
        )
          nodes.push(node);
      last = page.at(-1)?.id;
      if (page.length < stepRows) break;
    }
    const shown = nodes.slice(0, limit);
    return { nodes: shown.map(rowOf), next: nodes.length > limit ? (shown.at(-1)?.id ?? null) : null };
  },
});

function rowOf(node: NodeView) {
  const { id, lastSeenMs, site, cordoned, draining, conditions, agents, tasksRunning, capacity } = node;
  return {
    node: id,
    presence: node.presence,
    lastSeen: lastSeenMs === null ? null : new Date(lastSeenMs).toISOString(),
    class: node.class,
    ...{ site, cordoned, draining, agents, tasksRunning },
    troubles: conditions.map(({ text }) => text),
    models: capacity?.models.map((model) => model.name) ?? [],
    memoryFreeBytes: capacity?.memoryFreeBytes ?? null,
  };
}
