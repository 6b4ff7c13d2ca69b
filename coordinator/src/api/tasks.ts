// Tasks: stored before anything is sent about them. A caller may follow a task as server-sent events; a closed connection ends the stream,
// not the task.
import { FleetError, type Principal, type TaskRequest, type TaskView } from '@blackroad/protocol';
import { sortableId } from '@blackroad/std/random';
import { originOf } from '../fleet/principals.ts';
import type { ApiContext } from '../http/context.ts';
import { accepted, answered, type Handlers } from '../http/handler.ts';
import { openStream, wantsStream } from '../http/stream.ts';
import { showTask, showTaskShort } from '../live/show.ts';
import type { Coordinator } from '../road/coordinator.ts';
import { type EndedTask, isEnded, type TaskRow } from '../state/rows.ts';
import { agentIdEver } from '../state/view.ts';
import type { Store } from '../store/store.ts';
import { whyWaiting } from '../tasks/place-trouble.ts';
import { agentOr404 } from './agents.ts';

/** The present row of a task: a live one from the view, an ended one from the store. */
async function findTask({ coordinator }: ApiContext, id: string): Promise<TaskRow | EndedTask | null> {
  return coordinator.view.tasks.get(id) ?? (await coordinator.store.task(id)) ?? coordinator.view.tasks.get(id) ?? null;
}
async function taskOr404(context: ApiContext, id: string): Promise<TaskRow | EndedTask> {
  const row = await findTask(context, id);
  if (!row) throw new FleetError('no-such-task', { detail: `There is no task "${id}", or it ended too long ago.` });
  return row;
}

function submit(context: ApiContext, by: Principal, order: { id: string; agent: string; request: TaskRequest }) {
  const origin = order.request.origin ?? originOf(by);
  return context.coordinator.submit('task-submit', { ...order, by, origin });
}
/** The tasks of a node: running ones are in the view, ended ones in the store. */
async function listTasks({ view, store }: Coordinator, query: Parameters<Store['tasks']>[0]) {
  const { node, agent, state, dead, before, limit } = query;
  const rows = await store.tasks(query);
  if (node === undefined || state !== undefined || dead) return rows;
  const live = [...(view.leasesByNode.get(node) ?? [])]
    .flatMap((id) => view.tasks.get(id) ?? [])
    .filter((row) => (agent === undefined || row.agent === agent) && (before === undefined || row.id < before));
  const known = new Set(live.map(({ id }) => id));
  return [...live, ...rows.filter(({ id }) => !known.has(id))].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, limit);
}
const newId = ({ clock, random }: ApiContext) => sortableId(clock.nowMs(), random);

export const taskHandlers = {
  async ask({ context, by, params, body, request, reply }) {
    const { view } = context.coordinator;
    const order = { id: newId(context), agent: agentOr404(context, by, params.agent), request: body };
    if (!wantsStream(request)) {
      const row = accepted(await submit(context, by, order));
      if (row.id !== order.id) reply.code(200);
      return showTask(view, row);
    }
    const stream = openStream(context, reply);
    try {
      // The stream begins before the submission, so that not even the first token can be missed.
      stream.follow(order.id);
      const row = accepted(await submit(context, by, order));
      if (row.id !== order.id) stream.follow(row.id);
      stream.begin(showTask(view, row), 201);
      if (row.id !== order.id) await stream.catchUp(() => context.coordinator.store.task(row.id));
    } catch (error) {
      stream.fail();
      throw error;
    }
    return answered;
  },
  async tasksSubmit({ context, by, body }) {
    const results = await Promise.all(
      body.tasks.map(async ({ agent, request }) => {
        try {
          const order = { id: newId(context), agent: agentOr404(context, by, agent), request };
          const row = accepted(await submit(context, by, order));
          return { task: row.id, problem: null };
        } catch (error) {
          if (!(error instanceof FleetError)) throw error;
          return { task: null, problem: { code: error.code, detail: error.message } };
        }
      }),
    );
    return { results };
  },
  async tasks({ context: { coordinator }, query: { agent: name, ...query }, by }) {
    const { view } = coordinator;
    const agent = name === undefined ? undefined : agentIdEver(view, by.space, name);
    if (name !== undefined && agent === undefined) return [];
    const rows = await listTasks(coordinator, { ...query, ...(agent === undefined ? {} : { agent }) });
    return rows.map((row) => showTaskShort(view, row));
  },
  async task({ context, params, request, reply }) {
    const { view } = context.coordinator;
    if (!wantsStream(request)) {
      const row = await taskOr404(context, params.task);
      const waiting = row.state === 'queued' ? whyWaiting(view, row) : null;
      return { ...showTask(view, row), ...(waiting === null ? {} : { waiting }) };
    }
    const stream = openStream(context, reply);
    try {
      stream.follow(params.task);
      stream.begin(showTask(view, await taskOr404(context, params.task)), 200);
      await stream.catchUp(() => context.coordinator.store.task(params.task));
    } catch (error) {
      stream.fail();
      throw error;
    }
    return answered;
  },
  async taskCancel({ context, params, by }): Promise<TaskView> {
    const row = await taskOr404(context, params.task);
    if (isEnded(row)) throw new FleetError('conflict', { detail: `The task has ended already: it is ${row.state}.` });
    accepted(await context.coordinator.submit('task-cancel', { by, id: params.task }));
    return showTask(context.coordinator.view, await taskOr404(context, params.task));
  },
  async taskRetry({ context, params, by }) {
    const { coordinator } = context;
    const order = { by, id: params.task, newId: newId(context) };
    return showTask(coordinator.view, accepted(await coordinator.submit('task-retry', order)));
  },
  async taskDismiss({ context, params, by }) {
    accepted(await context.coordinator.submit('task-dismiss', { by, id: params.task }));
    return showTask(context.coordinator.view, await taskOr404(context, params.task));
  },
} satisfies Partial<Handlers>;
