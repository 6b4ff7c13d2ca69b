// The HTTP route table: Fastify validation, OpenAPI, rights and the clients follow from it.
// Every answer that is not the schema of its row is a Problem. Streams are server-sent events.
import { AgentSpec, AgentView } from './agent.ts';
import { Alert, AlertAck, AlertId } from './alerts.ts';
import { BranchView, Catalogue } from './catalogue.ts';
import {
  AuditEntry,
  EnrolAnswer,
  EnrolRequest,
  FleetEvent,
  JoinTokenCreated,
  JoinTokenRequest,
  JoinTokenView,
  KeyCreated,
  KeyRequest,
  KeyView,
  RenewRequest,
  Role,
  SessionView,
} from './enrol.ts';
import { FleetTotals } from './feed.ts';
import { FleetHistoryQuery, History, NodeHistoryQuery } from './history.ts';
import { AgentName, Labels, NodeId, PlainName, TaskId } from './ids.ts';
import {
  maxBulkBodyBytes,
  maxEnrolBodyBytes,
  maxHttpBodyBytes,
  maxNoBodyBytes,
  maxNodesPerBulk,
  maxPageRows,
  maxSignInBodyBytes,
  maxSmallBodyBytes,
  maxTaskBodyBytes,
} from './limits.ts';
import { MemoryEntry, MemoryHit } from './memory.ts';
import { NodeView } from './node.ts';
import { PlacementExplained, WhatIfPlan, WhatIfRequest } from './placement.ts';
import { TaskBatchRequest, type TaskChunk, TaskRequest, TaskState, TaskView } from './task.ts';
import type { Static, TSchema } from './typebox.ts';
import { Type } from './typebox.ts';
import { Usage, UsageQuery } from './usage.ts';

export type Access = 'open' | 'node' | Role;

export interface RouteRow {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** Who may call it: the least role; `open` needs none (it checks a token itself); `node` checks a node's key. */
  access: Access;
  text: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  /** Most bytes of the body; missing: `maxSmallBodyBytes`, without a body `maxNoBodyBytes`. */
  bodyBytes?: number;
  /** Of status 200 (201 where `created`, 204 where missing). */
  answer?: TSchema;
  created?: boolean;
  /** Answers server-sent events when asked for `text/event-stream`. */
  stream?: boolean;
}
const route = <const R extends RouteRow>(row: R): R => row;

/** Most bytes that a request to this route may carry. */
export function bodyBytesOf(row: RouteRow): number {
  return row.bodyBytes ?? (row.body ? maxSmallBodyBytes : maxNoBodyBytes);
}

const nodeParams = Type.Object({ node: NodeId });
const agentParams = Type.Object({ agent: AgentName });
const taskParams = Type.Object({ task: TaskId });
const idParams = Type.Object({ id: Type.String({ maxLength: 40 }) });
const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageRows, default: 100 })),
  before: Type.Optional(Type.String({ maxLength: 80, description: 'Rows older than this id.' })),
};
const Chain = Type.Object({
  agent: AgentName,
  valid: Type.Boolean(),
  entries: Type.Integer(),
  redacted: Type.Integer(),
  headSeq: Type.Integer(),
  headHash: Type.String(),
  fault: Type.Nullable(Type.Object({ seq: Type.Integer(), text: Type.String() })),
});

export const routes = {
  health: route({
    method: 'GET',
    path: '/healthz',
    access: 'open',
    text: 'Whether the coordinator works.',
    answer: Type.Object({ status: Type.Literal('ok'), version: Type.String(), coordinator: Type.String() }),
  }),
  metrics: route({ method: 'GET', path: '/metrics', access: 'viewer', text: 'Prometheus text.' }),
  openapi: route({ method: 'GET', path: '/v1/openapi.json', access: 'open', text: 'This API as OpenAPI 3.1.' }),
  signIn: route({
    method: 'POST',
    path: '/v1/sign-in',
    access: 'open',
    text: 'Exchanges a one-time sign-in code or an API key for a session cookie.',
    body: Type.Object({ code: Type.String({ maxLength: 200 }) }, { additionalProperties: false }),
    bodyBytes: maxSignInBodyBytes,
    answer: Type.Object({ name: Type.String(), role: Role }),
  }),
  signOut: route({ method: 'POST', path: '/v1/sign-out', access: 'viewer', text: 'Ends the session.' }),
  me: route({
    method: 'GET',
    path: '/v1/me',
    access: 'viewer',
    text: 'Who is asking.',
    answer: Type.Object({ name: Type.String(), role: Role }),
  }),
  signInCode: route({
    method: 'POST',
    path: '/v1/sign-in-codes',
    access: 'admin',
    text: 'Makes a one-time sign-in code for the console.',
    answer: Type.Object({
      code: Type.String(),
      url: Type.String({ description: 'Signs in once, under the address that this request came to.' }),
      networkUrl: Type.Nullable(
        Type.String({
          description:
            'The same for another device on the network, over TLS with the certificate of the fleet; null: only this machine reaches the coordinator.',
        }),
      ),
      expiresMs: Type.Number(),
    }),
    created: true,
  }),

  sessions: route({
    method: 'GET',
    path: '/v1/sessions',
    access: 'viewer',
    text: 'Signed-in consoles: all to an admin, else those of the same key.',
    answer: Type.Array(SessionView),
  }),
  sessionEnd: route({
    method: 'DELETE',
    path: '/v1/sessions/:id',
    access: 'viewer',
    text: 'Signs a console out; those of another key only by an admin.',
    params: idParams,
  }),

  fleet: route({
    method: 'GET',
    path: '/v1/fleet',
    access: 'viewer',
    text: 'The fleet in figures.',
    answer: FleetTotals,
  }),
  consoleFeed: route({
    method: 'GET',
    path: '/v1/console-feed',
    access: 'viewer',
    text: 'WebSocket of the console: subscribe to channels; snapshots, then what changed, resumable.',
  }),
  fleetHistory: route({
    method: 'GET',
    path: '/v1/fleet/history',
    access: 'viewer',
    text: 'How one figure of the fleet went: min, mean, max.',
    query: FleetHistoryQuery,
    answer: History,
  }),
  alerts: route({
    method: 'GET',
    path: '/v1/alerts',
    access: 'viewer',
    text: 'What needs a person now, worst first.',
    answer: Type.Array(Alert),
  }),
  alertAck: route({
    method: 'POST',
    path: '/v1/alerts/:alert/ack',
    access: 'operator',
    text: 'Says that a person knows: until the cause is gone or the alert grows.',
    params: Type.Object({ alert: AlertId }),
    body: AlertAck,
    answer: Alert,
  }),
  alertUnack: route({
    method: 'DELETE',
    path: '/v1/alerts/:alert/ack',
    access: 'operator',
    text: 'Takes that back.',
    params: Type.Object({ alert: AlertId }),
    answer: Alert,
  }),
  usage: route({
    method: 'GET',
    path: '/v1/usage',
    access: 'viewer',
    text: 'Tasks, tokens and cost by day, agent, model or node.',
    query: UsageQuery,
    answer: Usage,
  }),
  catalogue: route({
    method: 'GET',
    path: '/v1/catalogue',
    access: 'viewer',
    text: 'Every model of the fleet: where, how fast, used by how many.',
    answer: Catalogue,
  }),
  branches: route({
    method: 'GET',
    path: '/v1/branches',
    access: 'viewer',
    text: 'Memory tails of replaced nodes that wait to be merged, oldest first.',
    query: Type.Object({ agent: Type.Optional(AgentName) }),
    answer: Type.Array(BranchView),
  }),
  events: route({
    method: 'GET',
    path: '/v1/events',
    access: 'viewer',
    text: 'What happened, newest first.',
    query: Type.Object({ ...page, node: Type.Optional(NodeId), agent: Type.Optional(AgentName) }),
    answer: Type.Array(FleetEvent),
  }),
  audit: route({
    method: 'GET',
    path: '/v1/audit',
    access: 'admin',
    text: 'Who did what, newest first.',
    query: Type.Object(page),
    answer: Type.Array(AuditEntry),
  }),

  nodes: route({
    method: 'GET',
    path: '/v1/nodes',
    access: 'viewer',
    text: 'All nodes.',
    answer: Type.Array(NodeView),
  }),
  node: route({
    method: 'GET',
    path: '/v1/nodes/:node',
    access: 'viewer',
    text: 'One node.',
    params: nodeParams,
    answer: NodeView,
  }),
  nodeEdit: route({
    method: 'PUT',
    path: '/v1/nodes/:node',
    access: 'operator',
    text: 'Cordon, drain, site, labels.',
    params: nodeParams,
    body: Type.Object(
      {
        cordoned: Type.Optional(Type.Boolean()),
        draining: Type.Optional(Type.Boolean()),
        site: Type.Optional(PlainName),
        labels: Type.Optional(Labels),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
    answer: NodeView,
  }),
  nodesEdit: route({
    method: 'POST',
    path: '/v1/nodes/bulk',
    access: 'operator',
    text: 'Cordons or drains many nodes at once; each is done or not known.',
    body: Type.Object(
      {
        nodes: Type.Array(NodeId, { minItems: 1, maxItems: maxNodesPerBulk }),
        cordoned: Type.Optional(Type.Boolean()),
        draining: Type.Optional(Type.Boolean()),
      },
      // The list, and at least one thing to do.
      { additionalProperties: false, minProperties: 2 },
    ),
    bodyBytes: maxBulkBodyBytes,
    answer: Type.Object({ changed: Type.Integer(), unknown: Type.Array(NodeId) }),
  }),
  nodeHistory: route({
    method: 'GET',
    path: '/v1/nodes/:node/history',
    access: 'viewer',
    text: 'How one figure of a node went: min, mean, max.',
    params: nodeParams,
    query: NodeHistoryQuery,
    answer: History,
  }),
  nodeForget: route({
    method: 'DELETE',
    path: '/v1/nodes/:node',
    access: 'admin',
    text: 'Forgets a node: its certificate is worthless from now on.',
    params: nodeParams,
  }),
  nodeRelease: route({
    method: 'POST',
    path: '/v1/nodes/:node/release',
    access: 'admin',
    text: 'Ends a quarantine: the hardware it reports next is trusted. For a node in good standing: its machine, set up anew, may join in its place within an hour.',
    params: nodeParams,
    answer: NodeView,
  }),
  nodeLog: route({
    method: 'GET',
    path: '/v1/nodes/:node/log',
    access: 'operator',
    text: "The last lines of the node-agent's log.",
    params: nodeParams,
    query: Type.Object({ lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) }),
    answer: Type.Object({ lines: Type.Array(Type.String()) }),
  }),
  nodePull: route({
    method: 'POST',
    path: '/v1/nodes/:node/pull',
    access: 'operator',
    text: 'Tells a node to fetch a model.',
    params: nodeParams,
    body: Type.Object({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeUnload: route({
    method: 'POST',
    path: '/v1/nodes/:node/unload',
    access: 'operator',
    text: 'Tells a node to free the memory of a model; refused while an agent there needs it.',
    params: nodeParams,
    body: Type.Object({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeIdentify: route({
    method: 'POST',
    path: '/v1/nodes/:node/identify',
    access: 'operator',
    text: 'Blinks the node.',
    params: nodeParams,
    answer: Type.Object({ text: Type.String() }),
  }),

  agents: route({
    method: 'GET',
    path: '/v1/agents',
    access: 'viewer',
    text: 'All agents.',
    answer: Type.Array(AgentView),
  }),
  agent: route({
    method: 'GET',
    path: '/v1/agents/:agent',
    access: 'viewer',
    text: 'One agent, with why it is where it is.',
    params: agentParams,
    answer: AgentView,
  }),
  agentApply: route({
    method: 'PUT',
    path: '/v1/agents/:agent',
    access: 'operator',
    text: 'Creates or changes an agent; a new version when anything changed.',
    params: agentParams,
    body: AgentSpec,
    bodyBytes: maxHttpBodyBytes,
    answer: AgentView,
  }),
  agentRemove: route({
    method: 'DELETE',
    path: '/v1/agents/:agent',
    access: 'operator',
    text: 'Removes an agent; its memory stays until erased.',
    params: agentParams,
  }),
  agentVersions: route({
    method: 'GET',
    path: '/v1/agents/:agent/versions',
    access: 'viewer',
    text: 'Every version of the spec, newest first.',
    params: agentParams,
    answer: Type.Array(
      Type.Object({ version: Type.Integer(), atMs: Type.Number(), by: Type.String(), spec: AgentSpec }),
    ),
  }),

  agentExplain: route({
    method: 'GET',
    path: '/v1/agents/:agent/explain',
    access: 'viewer',
    text: 'Why an agent is where it is, why nowhere else, and what would place it.',
    params: agentParams,
    answer: PlacementExplained,
  }),
  whatIf: route({
    method: 'POST',
    path: '/v1/plan',
    access: 'viewer',
    text: 'What placement would do if agents were added or nodes were lost; nothing is touched.',
    body: WhatIfRequest,
    bodyBytes: maxHttpBodyBytes,
    answer: WhatIfPlan,
  }),

  ask: route({
    method: 'POST',
    path: '/v1/agents/:agent/tasks',
    access: 'operator',
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
    access: 'operator',
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
    access: 'viewer',
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
    access: 'viewer',
    text: 'One task; as an event stream it follows the task to its end.',
    params: taskParams,
    answer: TaskView,
    stream: true,
  }),
  taskCancel: route({
    method: 'POST',
    path: '/v1/tasks/:task/cancel',
    access: 'operator',
    text: 'Cancels a task that has not ended.',
    params: taskParams,
    answer: TaskView,
  }),
  taskRetry: route({
    method: 'POST',
    path: '/v1/tasks/:task/retry',
    access: 'operator',
    text: 'Queues a dead letter again, with fresh attempts and deadline.',
    params: taskParams,
    answer: TaskView,
  }),
  taskDismiss: route({
    method: 'POST',
    path: '/v1/tasks/:task/dismiss',
    access: 'operator',
    text: 'Dismisses a dead letter, also of an agent that is gone: it needs nobody any more, and stays in the history.',
    params: taskParams,
    answer: TaskView,
  }),

  memorySearch: route({
    method: 'GET',
    path: '/v1/memory/search',
    access: 'viewer',
    text: 'Searches memories by words and, with an embedding of the same model, by meaning.',
    query: Type.Object({
      q: Type.String({ minLength: 1, maxLength: 500 }),
      agent: Type.Optional(AgentName),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 10 })),
    }),
    answer: Type.Array(MemoryHit),
  }),
  memoryLog: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory',
    access: 'viewer',
    text: "An agent's log, oldest first, from after a sequence number.",
    params: agentParams,
    query: Type.Object({
      after: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageRows, default: 100 })),
    }),
    answer: Type.Array(MemoryEntry),
  }),
  memoryVerify: route({
    method: 'GET',
    path: '/v1/agents/:agent/memory/verify',
    access: 'viewer',
    text: 'Recomputes the whole chain.',
    params: agentParams,
    answer: Chain,
  }),

  joinTokens: route({
    method: 'GET',
    path: '/v1/join-tokens',
    access: 'admin',
    text: 'Join tokens without their secrets.',
    answer: Type.Array(JoinTokenView),
  }),
  joinTokenCreate: route({
    method: 'POST',
    path: '/v1/join-tokens',
    access: 'admin',
    text: 'Makes a join token; the token is shown once.',
    body: JoinTokenRequest,
    answer: JoinTokenCreated,
    created: true,
  }),
  joinTokenRevoke: route({
    method: 'DELETE',
    path: '/v1/join-tokens/:id',
    access: 'admin',
    text: 'Revokes a join token.',
    params: idParams,
  }),
  enrol: route({
    method: 'POST',
    path: '/v1/enrol',
    access: 'open',
    text: 'A machine becomes a node.',
    body: EnrolRequest,
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
    created: true,
  }),
  renew: route({
    method: 'POST',
    path: '/v1/enrol/renew',
    access: 'open',
    text: "Renews a node's certificate by proof of its key.",
    body: RenewRequest,
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
  }),
  keys: route({
    method: 'GET',
    path: '/v1/keys',
    access: 'admin',
    text: 'API keys without their secrets.',
    answer: Type.Array(KeyView),
  }),
  keyCreate: route({
    method: 'POST',
    path: '/v1/keys',
    access: 'admin',
    text: 'Makes an API key; shown once.',
    body: KeyRequest,
    answer: KeyCreated,
    created: true,
  }),
  keyRevoke: route({
    method: 'DELETE',
    path: '/v1/keys/:id',
    access: 'admin',
    text: 'Revokes an API key.',
    params: idParams,
  }),
  movesRelease: route({
    method: 'POST',
    path: '/v1/fleet/release-moves',
    access: 'operator',
    text: 'Lets frozen moves of agents happen now, everywhere or at one site.',
    body: Type.Object(
      { site: Type.Optional(Type.String({ maxLength: 63, description: 'Only there.' })) },
      { additionalProperties: false, default: {} },
    ),
  }),
} as const;

export type RouteName = keyof typeof routes;
type SchemaOf<R, K extends string> = R extends Record<K, infer S extends TSchema> ? Static<S> : undefined;
export type RouteAnswer<N extends RouteName> = SchemaOf<(typeof routes)[N], 'answer'>;
export type RouteBody<N extends RouteName> = SchemaOf<(typeof routes)[N], 'body'>;
export type RouteQuery<N extends RouteName> = SchemaOf<(typeof routes)[N], 'query'>;
export type RouteParams<N extends RouteName> = SchemaOf<(typeof routes)[N], 'params'>;

/** Server-sent events of a followed task: `event: task|chunk|end`. */
export type TaskStreamEvent =
  | { event: 'task'; data: TaskView }
  | { event: 'chunk'; data: TaskChunk }
  | { event: 'end'; data: TaskView };
