// The HTTP route table: Fastify validation, OpenAPI, rights and the clients follow from it.
// Every answer that is not the schema of its row is a Problem. Streams are server-sent events.
import { AgentSpec, AgentView } from './agent.ts';
import { Alert, AlertAck, AlertId } from './alerts.ts';
import { AuditEntry } from './audit.ts';
import { BranchView, Catalogue } from './catalogue.ts';
import {
  EnrolAnswer,
  EnrolRequest,
  JoinTokenCreated,
  JoinTokenRequest,
  JoinTokenView,
  KeyCreated,
  KeyRequest,
  KeyView,
  RenewRequest,
  SessionView,
} from './enrol.ts';
import { EventType, FleetEvent } from './events.ts';
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
import type { Permission } from './permissions.ts';
import { PlacementExplained, WhatIfPlan, WhatIfRequest } from './placement.ts';
import { Principal } from './principal.ts';
import { TaskBatchRequest, type TaskChunk, TaskRequest, TaskState, TaskView } from './task.ts';
import type { Static, TSchema } from './typebox.ts';
import { Type } from './typebox.ts';
import { Usage, UsageQuery } from './usage.ts';

/** `open` needs no key: such a route checks a secret of its own, or answers nothing about the fleet. */
export type Needs = Permission | 'open';

export interface RouteRow {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  /** The permission that the caller must have; permissions.ts lists the roles that have it. */
  needs: Needs;
  text: string;
  params?: TSchema;
  query?: TSchema;
  body?: TSchema;
  /** Most bytes of the body; missing: `maxSmallBodyBytes`, or `maxNoBodyBytes` for a route without a body. */
  bodyBytes?: number;
  /** The answer's schema: status 200, 201 where `created`; 204 where it is missing. */
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
    needs: 'open',
    text: 'Whether the coordinator works.',
    answer: Type.Object({ status: Type.Literal('ok'), version: Type.String(), coordinator: Type.String() }),
  }),
  metrics: route({ method: 'GET', path: '/metrics', needs: 'metrics:read', text: 'Prometheus text.' }),
  openapi: route({ method: 'GET', path: '/v1/openapi.json', needs: 'open', text: 'This API as OpenAPI 3.1.' }),
  signIn: route({
    method: 'POST',
    path: '/v1/sign-in',
    needs: 'open',
    text: 'Exchanges a one-time sign-in code or an API key for a session cookie.',
    body: Type.Object({ code: Type.String({ maxLength: 200 }) }, { additionalProperties: false }),
    bodyBytes: maxSignInBodyBytes,
    answer: Principal,
  }),
  signOut: route({ method: 'POST', path: '/v1/sign-out', needs: 'self:write', text: 'Ends the session.' }),
  me: route({
    method: 'GET',
    path: '/v1/me',
    needs: 'self:read',
    text: 'Who is asking.',
    answer: Principal,
  }),
  signInCode: route({
    method: 'POST',
    path: '/v1/sign-in-codes',
    needs: 'sessions:write',
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
    needs: 'self:read',
    text: 'Signed-in consoles of the same key; of every key with `sessions:write`.',
    answer: Type.Array(SessionView),
  }),
  sessionEnd: route({
    method: 'DELETE',
    path: '/v1/sessions/:id',
    needs: 'self:write',
    text: 'Signs a console out; that of another key with `sessions:write`.',
    params: idParams,
  }),

  fleet: route({
    method: 'GET',
    path: '/v1/fleet',
    needs: 'fleet:read',
    text: 'The fleet in figures.',
    answer: FleetTotals,
  }),
  consoleFeed: route({
    method: 'GET',
    path: '/v1/console-feed',
    needs: 'feed:read',
    text: 'WebSocket of the console: subscribe to channels; snapshots, then what changed, resumable.',
  }),
  fleetHistory: route({
    method: 'GET',
    path: '/v1/fleet/history',
    needs: 'fleet:read',
    text: 'How one figure of the fleet went: min, mean, max.',
    query: FleetHistoryQuery,
    answer: History,
  }),
  alerts: route({
    method: 'GET',
    path: '/v1/alerts',
    needs: 'alerts:read',
    text: 'What needs a person now, worst first.',
    answer: Type.Array(Alert),
  }),
  alertAck: route({
    method: 'POST',
    path: '/v1/alerts/:alert/ack',
    needs: 'alerts:write',
    text: 'Says that a person knows: until the cause is gone or the alert grows.',
    params: Type.Object({ alert: AlertId }),
    body: AlertAck,
    answer: Alert,
  }),
  alertUnack: route({
    method: 'DELETE',
    path: '/v1/alerts/:alert/ack',
    needs: 'alerts:write',
    text: 'Takes that back.',
    params: Type.Object({ alert: AlertId }),
    answer: Alert,
  }),
  usage: route({
    method: 'GET',
    path: '/v1/usage',
    needs: 'usage:read',
    text: 'Tasks, tokens and cost by day, agent, model or node.',
    query: UsageQuery,
    answer: Usage,
  }),
  catalogue: route({
    method: 'GET',
    path: '/v1/catalogue',
    needs: 'models:read',
    text: 'Every model of the fleet: where, how fast, used by how many.',
    answer: Catalogue,
  }),
  branches: route({
    method: 'GET',
    path: '/v1/branches',
    needs: 'memory:read',
    text: 'Memory tails of replaced nodes that wait to be merged, oldest first.',
    query: Type.Object({ agent: Type.Optional(AgentName) }),
    answer: Type.Array(BranchView),
  }),
  events: route({
    method: 'GET',
    path: '/v1/events',
    needs: 'events:read',
    text: 'What happened, newest first.',
    query: Type.Object({
      ...page,
      node: Type.Optional(NodeId),
      agent: Type.Optional(AgentName),
      type: Type.Optional(EventType),
    }),
    answer: Type.Array(FleetEvent),
  }),
  audit: route({
    method: 'GET',
    path: '/v1/audit',
    needs: 'audit:read',
    text: 'Who did what, newest first.',
    query: Type.Object(page),
    answer: Type.Array(AuditEntry),
  }),

  nodes: route({
    method: 'GET',
    path: '/v1/nodes',
    needs: 'nodes:read',
    text: 'All nodes.',
    answer: Type.Array(NodeView),
  }),
  node: route({
    method: 'GET',
    path: '/v1/nodes/:node',
    needs: 'nodes:read',
    text: 'One node.',
    params: nodeParams,
    answer: NodeView,
  }),
  nodeEdit: route({
    method: 'PUT',
    path: '/v1/nodes/:node',
    needs: 'nodes:write',
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
    needs: 'nodes:write',
    text: 'Cordons or drains many nodes at once; each is done or not known.',
    body: Type.Object(
      {
        nodes: Type.Array(NodeId, { minItems: 1, maxItems: maxNodesPerBulk }),
        cordoned: Type.Optional(Type.Boolean()),
        draining: Type.Optional(Type.Boolean()),
      },
      // The list of nodes, and at least one change.
      { additionalProperties: false, minProperties: 2 },
    ),
    bodyBytes: maxBulkBodyBytes,
    answer: Type.Object({ changed: Type.Integer(), unknown: Type.Array(NodeId) }),
  }),
  nodeHistory: route({
    method: 'GET',
    path: '/v1/nodes/:node/history',
    needs: 'nodes:read',
    text: 'How one figure of a node went: min, mean, max.',
    params: nodeParams,
    query: NodeHistoryQuery,
    answer: History,
  }),
  nodeForget: route({
    method: 'DELETE',
    path: '/v1/nodes/:node',
    needs: 'nodes:admit',
    text: 'Forgets a node: its certificate is worthless from now on.',
    params: nodeParams,
  }),
  nodeRelease: route({
    method: 'POST',
    path: '/v1/nodes/:node/release',
    needs: 'nodes:admit',
    text: 'Ends a quarantine: the hardware it reports next is trusted. For a node in good standing: its machine, set up anew, may join in its place within an hour.',
    params: nodeParams,
    answer: NodeView,
  }),
  nodeLog: route({
    method: 'GET',
    path: '/v1/nodes/:node/log',
    needs: 'logs:read',
    text: "The last lines of the node-agent's log.",
    params: nodeParams,
    query: Type.Object({ lines: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })) }),
    answer: Type.Object({ lines: Type.Array(Type.String()) }),
  }),
  nodePull: route({
    method: 'POST',
    path: '/v1/nodes/:node/pull',
    needs: 'models:write',
    text: 'Tells a node to fetch a model.',
    params: nodeParams,
    body: Type.Object({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeUnload: route({
    method: 'POST',
    path: '/v1/nodes/:node/unload',
    needs: 'models:write',
    text: 'Tells a node to free the memory of a model; refused while an agent there needs it.',
    params: nodeParams,
    body: Type.Object({ model: Type.String({ minLength: 1, maxLength: 200 }) }, { additionalProperties: false }),
    answer: Type.Object({ text: Type.String() }),
  }),
  nodeIdentify: route({
    method: 'POST',
    path: '/v1/nodes/:node/identify',
    needs: 'nodes:write',
    text: 'Blinks the node.',
    params: nodeParams,
    answer: Type.Object({ text: Type.String() }),
  }),

  agents: route({
    method: 'GET',
    path: '/v1/agents',
    needs: 'agents:read',
    text: 'All agents.',
    answer: Type.Array(AgentView),
  }),
  agent: route({
    method: 'GET',
    path: '/v1/agents/:agent',
    needs: 'agents:read',
    text: 'One agent, with why it is where it is.',
    params: agentParams,
    answer: AgentView,
  }),
  agentApply: route({
    method: 'PUT',
    path: '/v1/agents/:agent',
    needs: 'agents:write',
    text: 'Creates or changes an agent; a new version when anything changed.',
    params: agentParams,
    body: AgentSpec,
    bodyBytes: maxHttpBodyBytes,
    answer: AgentView,
  }),
  agentRename: route({
    method: 'POST',
    path: '/v1/agents/:agent/rename',
    needs: 'agents:write',
    text: 'Gives an agent another name; its memory, its tasks and what it does now stay as they are.',
    params: agentParams,
    body: Type.Object({ name: AgentName }, { additionalProperties: false }),
    answer: AgentView,
  }),
  agentRemove: route({
    method: 'DELETE',
    path: '/v1/agents/:agent',
    needs: 'agents:write',
    text: 'Removes an agent; its memory stays until erased.',
    params: agentParams,
  }),
  agentVersions: route({
    method: 'GET',
    path: '/v1/agents/:agent/versions',
    needs: 'agents:read',
    text: 'Every version of the spec, newest first.',
    params: agentParams,
    answer: Type.Array(
      Type.Object({ version: Type.Integer(), atMs: Type.Number(), by: Type.String(), spec: AgentSpec }),
    ),
  }),

  agentExplain: route({
    method: 'GET',
    path: '/v1/agents/:agent/explain',
    needs: 'placement:read',
    text: 'Why an agent is where it is, why nowhere else, and what would place it.',
    params: agentParams,
    answer: PlacementExplained,
  }),
  whatIf: route({
    method: 'POST',
    path: '/v1/plan',
    needs: 'placement:read',
    text: 'What placement would do if agents were added or nodes were lost; nothing is touched.',
    body: WhatIfRequest,
    bodyBytes: maxHttpBodyBytes,
    answer: WhatIfPlan,
  }),

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

  memorySearch: route({
    method: 'GET',
    path: '/v1/memory/search',
    needs: 'memory:read',
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
    needs: 'memory:read',
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
    needs: 'memory:read',
    text: 'Recomputes the whole chain.',
    params: agentParams,
    answer: Chain,
  }),

  joinTokens: route({
    method: 'GET',
    path: '/v1/join-tokens',
    needs: 'tokens:read',
    text: 'Join tokens without their secrets.',
    answer: Type.Array(JoinTokenView),
  }),
  joinTokenCreate: route({
    method: 'POST',
    path: '/v1/join-tokens',
    needs: 'tokens:write',
    text: 'Makes a join token; the token is shown once.',
    body: JoinTokenRequest,
    answer: JoinTokenCreated,
    created: true,
  }),
  joinTokenRevoke: route({
    method: 'DELETE',
    path: '/v1/join-tokens/:id',
    needs: 'tokens:write',
    text: 'Revokes a join token.',
    params: idParams,
  }),
  enrol: route({
    method: 'POST',
    path: '/v1/enrol',
    needs: 'open',
    text: 'A machine becomes a node.',
    body: EnrolRequest,
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
    created: true,
  }),
  renew: route({
    method: 'POST',
    path: '/v1/enrol/renew',
    needs: 'open',
    text: "Renews a node's certificate by proof of its key.",
    body: RenewRequest,
    bodyBytes: maxEnrolBodyBytes,
    answer: EnrolAnswer,
  }),
  keys: route({
    method: 'GET',
    path: '/v1/keys',
    needs: 'keys:read',
    text: 'API keys without their secrets.',
    answer: Type.Array(KeyView),
  }),
  keyCreate: route({
    method: 'POST',
    path: '/v1/keys',
    needs: 'keys:write',
    text: 'Makes an API key; shown once.',
    body: KeyRequest,
    answer: KeyCreated,
    created: true,
  }),
  keyRevoke: route({
    method: 'DELETE',
    path: '/v1/keys/:id',
    needs: 'keys:write',
    text: 'Revokes an API key.',
    params: idParams,
  }),
  movesRelease: route({
    method: 'POST',
    path: '/v1/fleet/release-moves',
    needs: 'placement:write',
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
