// Why an attempt ended without a result, and whether the place or the work is to blame. A trouble of the place (a model server that is
// away, a full disk, a node-agent that stops) does not use up an attempt of the task: another node, or the same one later, can do the work.
// Both sides read this table: a node reports such an attempt as `refused`; the coordinator treats a `failed` of an older node the same.
import { type Static, Type } from './typebox.ts';

export const TaskProblem = Type.Object({
  code: Type.String({ maxLength: 60 }),
  text: Type.String({ maxLength: 1000 }),
  retryable: Type.Boolean(),
});
export type TaskProblem = Static<typeof TaskProblem>;

interface TaskProblemRow {
  /** `place`: the attempt does not count, and the task waits until its deadline for another node or time. `work`: the attempt counts. */
  of: 'place' | 'work';
  /** The model on that node is treated as failing: an agent with tasks that wait for it moves to another node where there is one. */
  avoid: boolean;
  text: string;
}
const place = (text: string): TaskProblemRow => ({ of: 'place', avoid: false, text });
const badPlace = (text: string): TaskProblemRow => ({ of: 'place', avoid: true, text });
const work = (text: string): TaskProblemRow => ({ of: 'work', avoid: false, text });

export const taskProblems = {
  'runtime-unavailable': badPlace('The model server does not answer, or its answer broke off'),
  'model-missing': badPlace('No runtime of the node serves the model now'),
  'model-does-not-load': badPlace('The model does not load on the node'),
  'provider-refuses': badPlace('The provider of the model refuses the key, or wants money first'),
  'memory-not-stored': badPlace('The node cannot store what the agent is to remember: its disk is full or broken'),
  'end-not-stored': badPlace('The node cannot store the end of a task'),
  'runtime-overloaded': place('The queue of the model is full'),
  refused: place('The node has no room for the task now, or does not run the agent under that epoch'),
  'agent-stopped': place('The agent was stopped on the node: the node-agent restarts, or the agent changes or moves'),
  'agent-moved': place('The agent went to another node meanwhile'),
  'memory-fenced': place('Another node writes the memory of the agent now'),
  'not-held': place('The node does not hold the lease (any more): a message or its end was lost'),
  'node-lost': work(
    'The node was lost, or its process died: nobody knows how far it came, and the work may be the cause',
  ),
  'model-cannot-chat': work('The model is not one for chats'),
  'not-supported': work('The runtime cannot do what the agent asks for'),
  'runtime-refused': work('The runtime takes the request for wrong'),
  'content-refused': work('The provider, or its model, declines the content'),
  'prompt-too-long': work('The prompt does not fit the context'),
  'no-answer': work('The model said nothing, or all that it wrote was thought'),
  'deadline-passed': work('The deadline passed'),
  'task-failed': work('The node said failed, without a reason'),
  'task-cancelled': work('It was cancelled'),
  internal: work('A fault in the node-agent'),
} as const satisfies Record<string, TaskProblemRow>;
type TaskProblemCode = keyof typeof taskProblems;

function rowOf(code: string): TaskProblemRow | null {
  return Object.hasOwn(taskProblems, code) ? taskProblems[code as TaskProblemCode] : null;
}
/** An unknown code counts as of the work: the task must not be tried again and again until its deadline. */
export function isOfPlace(code: string): boolean {
  return rowOf(code)?.of === 'place';
}
export function isPlaceToAvoid(code: string): boolean {
  return rowOf(code)?.avoid === true;
}
