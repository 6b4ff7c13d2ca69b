// Routes of tasks: asking agents, following what became of it, dead letters.
import { AgentName, NodeId, TaskId } from '../ids.ts';
import { maxHttpBodyBytes, maxTaskBodyBytes } from '../limits.ts';
import { TaskBatchRequest, TaskRequest, TaskState, TaskView } from '../task.ts';
import { Type } from '../typebox.ts';
import { agentParams, page, route } from './row.ts';

const taskParams = Type.Object({ task: TaskId });

export const taskRoutes = {
  ask: route({
    method: 'POST',
    path: '/v1/agents/:agent/tasks',
    needs: 'tasks:ask',
    text: 'Submits a task. As an event stream: `task`, `chunk`, `end`; otherwise answered as soon as it is stored.',
    params: agentParams,
    body: TaskRequest,
    bodyBytes: maxTaskBodyBytes,
    answer: TaskView,
    created: true,
    stream: true,
  }),
  tasksSubmit: route({
    method: 'POST',
    path: '/v1/tasks',
    needs: 'tasks:ask',
    text: 'Submits many tasks; each is accepted or refused by itself.',
    body: TaskBatchRequest,
    bodyBytes: maxHttpBodyBytes,
    answer: Type.Object({
      results: Type.Array(
        Type.Object({
          task: Type.Nullable(TaskId),
          problem: Type.Nullable(Type.Object({ code: Type.String(), detail: Type.String() })),
        }),
      ),
    }),
    created: true,
  }),
  tasks: route({
    method: 'GET',
    path: '/v1/tasks',
    needs: 'tasks:read',
    text: 'Tasks, newest first.',
    query: Type.Object({
      ...page,
      state: Type.Optional(TaskState),
      agent: Type.Optional(AgentName),
      node: Type.Optional(NodeId),
      dead: Type.Optional(Type.Boolean({ description: 'Only dead letters.' })),
    }),
    answer: Type.Array(TaskView),
  }),
  task: route({
    method: 'GET',
    path: '/v1/tasks/:task',
    needs: 'tasks:read',
    text: 'One task; as an event stream it follows the task to its end.',
    params: taskParams,
    answer: TaskView,
    stream: true,
  }),
  taskCancel: route({
    method: 'POST',
    path: '/v1/tasks/:task/cancel',
    needs: 'tasks:write',
    text: 'Cancels a task that has not ended.',
    params: taskParams,
    answer: TaskView,
  }),
  taskRetry: route({
    method: 'POST',
    path: '/v1/tasks/:task/retry',
    needs: 'tasks:write',
    text: 'Queues a dead letter again, with fresh attempts and deadline.',
    params: taskParams,
    answer: TaskView,
  }),
  taskDismiss: route({
    method: 'POST',
    path: '/v1/tasks/:task/dismiss',
    needs: 'tasks:write',
    text: 'Dismisses a dead letter, also of an agent that is gone: it needs nobody any more, and stays in the history.',
    params: taskParams,
    answer: TaskView,
  }),
};
