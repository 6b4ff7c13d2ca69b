// The HTTP route table: Fastify validation, OpenAPI, rights and the clients follow from it.
// Every answer that is not the schema of its row is a Problem. Streams are server-sent events.
import { agentRoutes } from './routes/agents.ts';
import { alertRoutes } from './routes/alerts.ts';
import { backupRoutes } from './routes/backups.ts';
import { balenaRoutes } from './routes/balena.ts';
import { batchRoutes } from './routes/batches.ts';
import { conversationRoutes } from './routes/conversations.ts';
import { enrolRoutes } from './routes/enrol.ts';
import { fleetRoutes } from './routes/fleet.ts';
import { gatewayRoutes } from './routes/gateway.ts';
import { imageRoutes } from './routes/images.ts';
import { keyRoutes } from './routes/keys.ts';
import { mcpRoutes } from './routes/mcp.ts';
import { memoryRoutes } from './routes/memory.ts';
import { modelCacheRoutes } from './routes/model-cache.ts';
import { modelRoutes } from './routes/models.ts';
import { mqttRoutes } from './routes/mqtt.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { objectRoutes } from './routes/objects.ts';
import { releaseRoutes } from './routes/releases.ts';
import { restoreRoutes } from './routes/restore.ts';
import { rolloutRoutes } from './routes/rollouts.ts';
import { taskRoutes } from './routes/tasks.ts';
import { upgradeRoutes } from './routes/upgrade.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import type { TaskChunk, TaskView } from './task.ts';
import type { Static, TSchema } from './typebox.ts';

export const routes = {
  ...fleetRoutes,
  ...alertRoutes,
  ...nodeRoutes,
  ...modelRoutes,
  ...rolloutRoutes,
  ...agentRoutes,
  ...webhookRoutes,
  ...taskRoutes,
  ...conversationRoutes,
  ...batchRoutes,
  ...mcpRoutes,
  ...memoryRoutes,
  ...modelCacheRoutes,
  ...mqttRoutes,
  ...backupRoutes,
  ...objectRoutes,
  ...restoreRoutes,
  ...releaseRoutes,
  ...imageRoutes,
  ...balenaRoutes,
  ...upgradeRoutes,
  ...keyRoutes,
  ...enrolRoutes,
  ...gatewayRoutes,
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
