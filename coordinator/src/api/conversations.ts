// Conversations: rows from the view, their tasks from the store. A shared one is read by everyone who may read conversations and has its id.
import { type ConversationTask, type ConversationView, FleetError, type Principal } from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import type { ApiContext } from '../http/context.ts';
import { accepted, type Handlers, shown } from '../http/handler.ts';
import { showTask } from '../live/show.ts';
import type { ConversationRow, TaskOfConversation } from '../state/conversation-row.ts';
import { agentIdEver, agentNameOf } from '../state/view.ts';
import { mayRead, owns } from '../tasks/conversations.ts';
import { agentOr404 } from './agents.ts';

function show({ coordinator: { view }, clock }: ApiContext, row: ConversationRow, by: Principal): ConversationView {
  const { id, agent, title, by: owner, isShared, createdMs, updatedMs, tasks } = row;
  const isOwn = owns(view, row, by, clock.nowMs());
  return { id, agent: agentNameOf(view, agent), title, by: owner, isOwn, isShared, createdMs, updatedMs, tasks };
}
function one({ coordinator: { view }, clock }: ApiContext, id: string, by: Principal): ConversationRow {
  const row = view.conversations.get(id);
  if (row && mayRead(view, row, by, clock.nowMs())) return row;
  const detail = `There is no conversation ${id} that you may read: it was deleted, or it is not shared any more.`;
  throw new FleetError('no-such-conversation', { detail });
}
/** A live task is newer in the view. */
function showTurn({ coordinator: { view } }: ApiContext, { row, pictures }: TaskOfConversation): ConversationTask {
  const live = view.tasks.get(row.id);
  const { images: _, trace: __, ...task } = showTask(view, live ?? row);
  return { ...task, pictures };
}

export const conversationHandlers = {
  conversations({ context, by, query }) {
    const { view } = context.coordinator;
    const agent = query.agent === undefined ? undefined : agentIdEver(view, by.space, query.agent);
    if (query.agent !== undefined && agent === undefined) return [];
    const own = [...view.conversations.values()].filter(
      (row) => (agent === undefined || row.agent === agent) && owns(view, row, by, context.clock.nowMs()),
    );
    return own.sort((a, b) => b.updatedMs - a.updatedMs).map((row) => show(context, row, by));
  },
  async conversationOpen({ context, by, body }) {
    const { coordinator, clock, random } = context;
    const id = sortableId(clock.nowMs(), random);
    const { title } = body;
    const order = { by, id, agent: agentOr404(context, by, body.agent), ...(title === undefined ? {} : { title }) };
    accepted(await coordinator.submit('conversation-open', order));
    return show(context, shown(coordinator.view.conversations.get(id) ?? null), by);
  },
  async conversation({ context, by, params }) {
    const row = one(context, params.conversation, by);
    const said = await context.coordinator.store.conversationTasks(row.id);
    return { ...show(context, row, by), turns: said.map((each) => showTurn(context, each)) };
  },
  async conversationEdit({ context, by, params, body }) {
    const { conversation: id } = params;
    accepted(await context.coordinator.submit('conversation-edit', { by, id, ...body }));
    return show(context, one(context, id, by), by);
  },
  async conversationDelete({ context, by, params }) {
    accepted(await context.coordinator.submit('conversation-delete', { by, id: params.conversation }));
  },
} satisfies Partial<Handlers>;
