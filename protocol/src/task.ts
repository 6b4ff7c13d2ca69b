// One unit of work for one agent: as submitted, as leased to a node, as reported, as shown.
import { maxUsageDocuments } from './document-limits.ts';
import { AgentId, AgentName, Attempt, ConversationId, Epoch, NodeId, Seq, TaskId, TimeMs } from './ids.ts';
import {
  maxAskTurns,
  maxAttempts,
  maxChunkBytes,
  maxDeadlineSeconds,
  maxPastAttempts,
  maxPromptBytes,
  maxResultBytes,
  maxTaskImageChars,
  maxTaskImages,
  maxTasksPerBatch,
  maxTokensPerTask,
  maxTurnsChars,
} from './limits.ts';
import { DocumentPlace } from './memory-given.ts';
import { Asker } from './principal.ts';
import { TaskProblem } from './task-problem.ts';
import { TaskTrace } from './task-trace.ts';
import { type Static, Type } from './typebox.ts';

export const taskStates = ['queued', 'leased', 'running', 'done', 'failed', 'cancelled', 'expired'] as const;
export const TaskState = Type.OneOf(taskStates, {
  description: 'done, failed, cancelled and expired are ends; failed and expired are dead letters that can be retried.',
});
export type TaskState = Static<typeof TaskState>;
export function isEnd(state: TaskState): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled' || state === 'expired';
}

export const TaskOrigin = Type.OneOf(['api', 'cli', 'console', 'mqtt', 'cron', 'trigger']);
export type TaskOriginName = Static<typeof TaskOrigin>;

/** The priority of a task that was submitted without one: among the tasks of one agent, higher ones are leased first. */
export const defaultTaskPriority = 50;

/** What was said and answered: a turn of a conversation. */
export const Exchange = Type.Object({
  said: Type.String({ maxLength: maxTurnsChars }),
  answered: Type.String({ maxLength: maxTurnsChars }),
});
export type Exchange = Static<typeof Exchange>;
const Turns = Type.Array(Exchange, {
  maxItems: maxAskTurns,
  description: `The conversation so far, oldest first, in place of what the agent itself had in the last hour; at most ${maxTurnsChars} characters together.`,
});
export function charactersOf(turns: readonly Exchange[] = []): number {
  return turns.reduce((sum, { said, answered }) => sum + said.length + answered.length, 0);
}

const Images = Type.Array(
  Type.String({ minLength: 1, maxLength: maxTaskImageChars, pattern: '^[A-Za-z0-9+/]+={0,2}$' }),
  {
    maxItems: maxTaskImages,
    description: `Pictures beside the prompt, base64 of PNG, JPEG or WebP; only for models that see, at most ${maxTaskImageChars} characters together.`,
  },
);

/** Characters of texts together. */
export function lengthOf(texts: readonly string[] = []): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}

/** A task as a person or program submits it. */
export const TaskRequest = Type.Object(
  {
    prompt: Type.String({ minLength: 1, maxLength: maxPromptBytes }),
    turns: Type.Optional(Turns),
    images: Type.Optional(Images),
    conversation: Type.Optional(
      Type.Object(
        {
          id: ConversationId,
          after: Type.Optional(
            Type.Nullable(TaskId, {
              description: 'The task of it that this one follows; null: it begins anew; missing: the newest one.',
            }),
          ),
        },
        { additionalProperties: false, description: 'A conversation of the asker: what was said in it goes along.' },
      ),
    ),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: defaultTaskPriority })),
    deadlineSeconds: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: maxDeadlineSeconds })),
    attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: maxAttempts })),
    idempotencyKey: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        description: 'Submitting again with the same key returns the first task, whoever asked for it; `by` says who.',
      }),
    ),
    origin: Type.Optional(TaskOrigin),
  },
  { additionalProperties: false },
);
export type TaskRequest = Static<typeof TaskRequest>;
export const TaskBatchRequest = Type.Object(
  {
    tasks: Type.Array(Type.Object({ agent: AgentName, request: TaskRequest }), {
      minItems: 1,
      maxItems: maxTasksPerBatch,
    }),
  },
  { additionalProperties: false },
);
export type TaskBatchRequest = Static<typeof TaskBatchRequest>;

/** A lease, sent to the node that holds the agent. It may be sent twice: (task, attempt) is its identity. */
export const TaskLease = Type.Object({
  task: TaskId,
  attempt: Attempt,
  agent: AgentId,
  epoch: Epoch,
  prompt: Type.String(),
  turns: Type.Optional(Turns),
  images: Type.Optional(Images),
  trace: Type.Optional(Type.Literal(true, { description: 'The end tells how the answer came about, too.' })),
  leftMs: Type.Number({
    minimum: 0,
    description: 'Time to the deadline: a duration, since a Pi has no clock of its own.',
  }),
});
export type TaskLease = Static<typeof TaskLease>;

/** (task, attempt) as one string: a node names its leases this way. */
export function leaseKey(task: string, attempt: number): string {
  return `${task}.${attempt}`;
}

export const TaskUsage = Type.Object({
  model: Type.String({ maxLength: 200 }),
  promptTokens: Type.Integer({ minimum: 0, maximum: maxTokensPerTask }),
  cachedTokens: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: maxTokensPerTask,
      description: 'Of the prompts, what the model server had from earlier requests. Missing: not known.',
    }),
  ),
  completionTokens: Type.Integer({ minimum: 0, maximum: maxTokensPerTask }),
  recalled: Type.Integer({ minimum: 0, description: 'Memories brought into the prompt.' }),
  documents: Type.Optional(
    Type.Array(DocumentPlace, {
      maxItems: maxUsageDocuments,
      description: 'Of these, the parts of documents, the most fitting first. Missing: none.',
    }),
  ),
  notRemembered: Type.Optional(
    Type.Literal(true, {
      description: 'The exchange was not remembered: the agent has as many memories as its spec allows.',
    }),
  ),
  partialMemory: Type.Optional(
    Type.Object(
      { have: Seq, of: Seq },
      {
        description:
          'Entries of its log that the agent could search, of how many: the rest was on its way to its new node. Missing: all of them.',
      },
    ),
  ),
  toolCalls: Type.Integer({ minimum: 0 }),
  firstTokenMs: Type.Number({ minimum: 0 }),
  decodeMs: Type.Optional(
    Type.Number({
      minimum: 0,
      description: 'Of the time, what went into writing: without waiting, reading and tools.',
    }),
  ),
  totalMs: Type.Number({ minimum: 0 }),
  costUsd: Type.Optional(
    Type.Number({
      minimum: 0,
      description:
        'What its tokens cost, by the price of the model when the task ended: the coordinator sets it. Missing: nothing.',
    }),
  ),
});
export type TaskUsage = Static<typeof TaskUsage>;

/** A node's report on an attempt. `running` is progress; `refused` returns the lease uncounted: the place is to blame (task-problem.ts). */
export const TaskReport = Type.Object({
  task: TaskId,
  attempt: Attempt,
  agent: AgentId,
  epoch: Epoch,
  state: Type.OneOf(['running', 'refused', 'done', 'failed', 'cancelled']),
  result: Type.Optional(Type.String({ maxLength: maxResultBytes })),
  truncated: Type.Optional(Type.Boolean()),
  problem: Type.Optional(TaskProblem),
  usage: Type.Optional(TaskUsage),
  trace: Type.Optional(TaskTrace),
  local: Type.Optional(
    Type.Object(
      { prompt: Type.String({ maxLength: maxPromptBytes }), atMs: TimeMs },
      {
        description:
          'Set when the node started the task itself (cron while offline): the coordinator records it with its end.',
      },
    ),
  ),
});
export type TaskReport = Static<typeof TaskReport>;

/** Tokens: the first chunk is sent at once, the others are coalesced to 50 ms. Perishable: the end report carries the whole text. */
export const TaskChunk = Type.Object({
  attempt: Attempt,
  offset: Type.Integer({ minimum: 0, description: 'Characters of this attempt sent before this chunk.' }),
  text: Type.String({ maxLength: maxChunkBytes }),
  tool: Type.Optional(Type.String({ maxLength: 60, description: 'A tool call began: its name.' })),
  retract: Type.Optional(
    Type.Boolean({
      description: 'What this attempt said from `offset` on was thought, not answer: it is taken back.',
    }),
  ),
});
export type TaskChunk = Static<typeof TaskChunk>;

/** A lease that is over and did not end the task. The task's own fields describe the last or present one. */
export const PastAttempt = Type.Object({
  attempt: Attempt,
  node: Type.Nullable(NodeId),
  leasedMs: Type.Nullable(TimeMs),
  endedMs: TimeMs,
  outcome: Type.OneOf(['refused', 'failed', 'lost'], {
    description:
      'refused: the place was to blame (no room, its model server away, its disk full), it does not count; lost: the node went away or let it go.',
  }),
  text: Type.String({ description: 'Why, in words.' }),
  stopped: Type.Optional(
    Type.Literal(true, { description: 'Lost, and its node has said since that it does not work on it any more.' }),
  ),
});
export type PastAttempt = Static<typeof PastAttempt>;

/** A task as the API shows it. */
export const TaskView = Type.Object({
  id: TaskId,
  agent: AgentName,
  state: TaskState,
  prompt: Type.String(),
  turns: Type.Optional(Turns),
  images: Type.Optional(Images),
  conversation: Type.Optional(ConversationId),
  after: Type.Optional(TaskId),
  priority: Type.Integer(),
  origin: TaskOrigin,
  createdMs: TimeMs,
  deadlineMs: TimeMs,
  attempt: Type.Integer({ description: 'Leases so far.' }),
  attempts: Type.Integer({ description: 'Leases allowed.' }),
  node: Type.Nullable(NodeId),
  epoch: Type.Nullable(Epoch),
  leasedMs: Type.Nullable(TimeMs),
  endedMs: Type.Nullable(TimeMs),
  result: Type.Nullable(Type.String()),
  truncated: Type.Boolean(),
  problem: Type.Nullable(TaskProblem),
  usage: Type.Nullable(TaskUsage),
  trace: Type.Optional(TaskTrace),
  idempotencyKey: Type.Nullable(Type.String()),
  past: Type.Array(PastAttempt, { maxItems: maxPastAttempts }),
  dismissedMs: Type.Optional(TimeMs),
  by: Type.Optional(Asker),
  waiting: Type.Optional(
    Type.String({ description: 'Why it waits, where it does not wait for its turn alone; told of one task.' }),
  ),
});
export type TaskView = Static<typeof TaskView>;
