// The coordinator's HTTP API: a Fastify server made of the route table, once for loopback (plain HTTP, for the console) and once for other
// machines (TLS with the CA's certificate), over one context. It contains no decision and no route of its own.

import type { IncomingMessage } from 'node:http';
import {
  bodyBytesOf,
  FleetError,
  maxChannelFrameBytes,
  maxFileBytes,
  maxHttpConnections,
  maxListenBacklog,
  maxNoBodyBytes,
  type RouteName,
  type RouteRow,
  routes,
} from '@blackroad/protocol';
import type { Clock } from '@blackroad/std/clock';
import fastifyCookie from '@fastify/cookie';
import fastifyMultipart from '@fastify/multipart';
import fastifyWebsocket from '@fastify/websocket';
import {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type onRequestHookHandler,
} from 'fastify';
import type { WebSocket } from 'ws';
import type { CrowdLimits } from '../door/crowd.ts';
import { Door, type DoorLimits } from '../door/door.ts';
import { errorHandler, notFound } from '../http/answers.ts';
import { guardBodies } from '../http/bodies.ts';
import { pageOr, serveConsole } from '../http/console-files.ts';
import type { ApiContext } from '../http/context.ts';
import { sessionToken } from '../http/cookie.ts';
import { guard, principalOf } from '../http/guard.ts';
import { answered, type Call, type Handler, type Handlers } from '../http/handler.ts';
import { answerOtherOrigins, asksModels } from '../http/other-origins.ts';
import { limitHeaders, rateName } from '../http/own-limits.ts';
import { parseBody, validatorOf } from '../http/validate.ts';
import { agentHandlers } from './agents.ts';
import { alertHandlers } from './alerts.ts';
import { backupHandlers } from './backups.ts';
import { balenaHandlers } from './balena.ts';
import { batchHandlers } from './batches.ts';
import { consolidationHandlers } from './consolidation.ts';
import { conversationHandlers } from './conversations.ts';
import { documentHandlers } from './documents.ts';
import { enrolHandlers } from './enrol.ts';
import { fleetHandlers } from './fleet.ts';
import { gatewayHandlers } from './gateway.ts';
import { imageHandlers } from './images.ts';
import { keyHandlers } from './keys.ts';
import { mcpHandlers } from './mcp.ts';
import { memoryHandlers } from './memory.ts';
import { memoryFileHandlers } from './memory-files.ts';
import { memoryValueHandlers } from './memory-values.ts';
import { modelCacheHandlers } from './model-cache.ts';
import { modelHandlers } from './models.ts';
import { mqttHandlers } from './mqtt.ts';
import { nodeHandlers } from './nodes.ts';
import { objectHandlers } from './objects.ts';
import { overviewHandlers } from './overview.ts';
import { releaseHandlers } from './releases.ts';
import { restoreHandlers } from './restore.ts';
import { rolloutHandlers } from './rollouts.ts';
import { taskHandlers } from './tasks.ts';
import { upgradeHandlers } from './upgrade.ts';
import { webhookHandlers } from './webhooks.ts';

/** A route without a handler does not compile. */
const handlers: Handlers = {
  ...fleetHandlers,
  ...nodeHandlers,
  ...modelHandlers,
  ...alertHandlers,
  ...overviewHandlers,
  ...rolloutHandlers,
  ...agentHandlers,
  ...webhookHandlers,
  ...taskHandlers,
  ...conversationHandlers,
  ...memoryHandlers,
  ...memoryValueHandlers,
  ...documentHandlers,
  ...memoryFileHandlers,
  ...consolidationHandlers,
  ...modelCacheHandlers,
  ...mqttHandlers,
  ...backupHandlers,
  ...balenaHandlers,
  ...objectHandlers,
  ...restoreHandlers,
  ...releaseHandlers,
  ...imageHandlers,
  ...upgradeHandlers,
  ...keyHandlers,
  ...enrolHandlers,
  ...gatewayHandlers,
  ...batchHandlers,
  ...mcpHandlers,
};

export interface Api {
  /** Port 0: any free one. Resolves with the port. Rejects with FleetError `conflict` when it is taken. */
  listen(host: string, port: number): Promise<number>;
  /** Ends streams and connections; resolves when the port is free. */
  close(): Promise<void>;
}
interface ApiOptions {
  context: ApiContext;
  listener: 'loopback' | 'tls';
  /** Key and certificate of the TLS listener. */
  tls?: { key: string; cert: string };
}

/** The time for the head of a request, and for all of it: a stranger that sends a byte a minute has a socket no longer than that. */
const headMs = 10_000;
const requestMs = 30_000;
/** The interval at which Node checks requests for their time. */
const lookMs = 2_000;
const keepAliveMs = 65_000;
const goodbyeMs = 500;

const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const apiHeaders = { ...headers, 'cache-control': 'no-store' };

export async function createApi(options: ApiOptions): Promise<Api> {
  const { context, listener } = options;
  const { log, clock, settings, limits, refused } = context;
  const app = createServer(options);
  const door = new Door({
    server: app.server,
    speaks: listener === 'tls' ? 'tls' : 'plain',
    limits: listener === 'tls' ? limits.door : onOneMachine(limits.door),
    refusals: refused,
    log,
    clock,
  });
  readInput(app);
  app.decorateRequest('caller', null);
  app.decorateRequest('node', null);
  app.decorateRequest('machine', null);
  app.addHook(
    'onRequest',
    atOnce((request, reply) => {
      reply.headers(request.url.startsWith('/v1/') ? apiHeaders : headers);
    }),
  );
  // This comes before the guard: it marks the request as an upgrade, and the socket of a refused upgrade is closed by that mark alone.
  await addWebSockets(app, clock);
  // Most requests have a key and no cookie: one is read where a session is looked for.
  await app.register(fastifyCookie, { hook: false });
  app.addHook('preClose', async () => door.stop());
  await answerOtherOrigins(app, settings.origins);
  app.addHook('onRequest', atOnce(guard(context, listener, (socket) => door.known(socket))));
  const guarded = guardBodies(context);
  app.addHook('preParsing', (request, reply, payload, done) => {
    done(
      refusedBy(() => guarded(request, reply)),
      payload,
    );
  });
  countRequests(app, context);
  const names = Object.keys(routes) as RouteName[];
  const bodyKind = (name: RouteName) => {
    const { form, raw }: RouteRow = routes[name];
    return form ? 'form' : raw ? 'raw' : 'json';
  };
  for (const name of names) if (bodyKind(name) === 'json') addRoute(app, context, listener, name);
  // Its hooks run for the routes of forms alone.
  await app.register(async (forms) => {
    await forms.register(fastifyMultipart, { limits: { fileSize: maxFileBytes, headerPairs: 20, parts: 21 } });
    for (const name of names) if (bodyKind(name) === 'form') addRoute(forms, context, listener, name);
  });
  // Programs of all kinds call a webhook, with bodies of any type or of none that is named.
  await app.register(async (bare) => {
    bare.removeAllContentTypeParsers();
    bare.addContentTypeParser('*', { parseAs: 'buffer' }, (_, bytes, done) => done(null, bytes));
    for (const name of names) if (bodyKind(name) === 'raw') addRoute(bare, context, listener, name);
  });
  if (settings.consoleDir !== null) await serveConsole(app, settings.consoleDir);
  await app.ready();

  return {
    listen: (host, port) => listen(app, host, port),
    async close() {
      await app.close();
    },
  };
}

function createServer({ context, listener, tls }: ApiOptions): FastifyInstance {
  const { log, refused, settings, ca } = context;
  const errors = errorHandler(log, refused.note);
  const deadlines = { headersTimeout: headMs, connectionsCheckingInterval: lookMs };
  // The CA is sent with the certificate: a machine that joins has only the fingerprint of the CA.
  const app = fastify({
    logger: false,
    bodyLimit: maxNoBodyBytes,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    rewriteUrl: keyFromPath,
    exposeHeadRoutes: false,
    ...(listener === 'tls' && tls
      ? {
          https: {
            key: tls.key,
            cert: `${tls.cert}${ca.pem}`,
            minVersion: 'TLSv1.2' as const,
            handshakeTimeout: headMs,
            ...deadlines,
          },
        }
      : { http: deadlines }),
    frameworkErrors: (error, request, reply) => void errors(error, request, reply),
  }) as unknown as FastifyInstance;
  app.server.maxConnections = maxHttpConnections;
  app.setErrorHandler(errors);
  const unknown = notFound(Object.values(routes));
  app.setNotFoundHandler(settings.consoleDir === null ? unknown : pageOr(unknown));
  return app;
}

function unsupportedType(got: string): FleetError {
  return new FleetError('invalid-request', { detail: `headers: content-type: expected application/json, got ${got}` });
}

/** Clients of Ollama's API have no place for a key but the address: `/key/brk_…/api/chat` is `/api/chat` with that key, be it right or wrong. */
function keyFromPath(request: IncomingMessage): string {
  const url = request.url ?? '/';
  const found = /^\/key\/([^/?#]{1,200})(\/.*)$/.exec(url);
  if (!found) return url;
  request.headers.authorization ??= `Bearer ${found[1]}`;
  return found[2] as string;
}

/** Only JSON is read, and checked by the schemas of the route table. */
function readInput(app: FastifyInstance): void {
  app.setValidatorCompiler(({ schema, httpPart }) =>
    validatorOf(schema as never, (httpPart ?? 'body') as Parameters<typeof validatorOf>[1]),
  );
  app.setSerializerCompiler(() => JSON.stringify);
  app.removeAllContentTypeParsers();
  const read = (text: string, done: (error: Error | null, body?: unknown) => void) => {
    try {
      done(null, parseBody(text));
    } catch (error) {
      done(error as Error);
    }
  };
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, text, done) => read(text as string, done));
  // `curl -d` says so of any body, and Ollama's own documentation uses it.
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, text, done) => {
    if (request.routeOptions.config.row?.dialect === 'ollama') read(text as string, done);
    else done(unsupportedType('application/x-www-form-urlencoded'));
  });
}

async function addWebSockets(app: FastifyInstance, clock: Clock): Promise<void> {
  await app.register(fastifyWebsocket, {
    options: { maxPayload: maxChannelFrameBytes, perMessageDeflate: false },
    preClose(done) {
      const { websocketServer } = app;
      for (const socket of websocketServer.clients) socket.close(1001, 'the coordinator is stopping');
      // A console that does not answer the close frame must not delay the stop.
      clock.after(goodbyeMs, () => {
        for (const socket of websocketServer.clients) socket.terminate();
      });
      websocketServer.close(() => done());
    },
  });
}

/** Counts each answer for /metrics, and each request against the rate of its caller. */
function countRequests(app: FastifyInstance, context: ApiContext): void {
  const { log, metrics, doorkeeper } = context;
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    metrics.answered(route, reply.statusCode, reply.elapsedTime / 1000);
    log.debug(
      { method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
    done();
  });
  app.addHook(
    'onRequest',
    atOnce((request, reply) => {
      const { caller, ip } = request;
      const seconds = doorkeeper.take(rateName(caller, ip));
      // A refusal carries them, too: by them its client knows how long to wait.
      if (caller && asksModels(request.routeOptions.config.row)) reply.headers(limitHeaders(context, caller, ip));
      if (seconds === 0) return;
      const detail = `More than ${doorkeeper.requestsPerMinute} requests in a minute.`;
      throw new FleetError('rate-limited', { detail, retryAfterSeconds: seconds });
    }),
  );
}

/** A hook that waits for nothing: a promise for each of them would cost a request more than the check. */
function atOnce(check: (request: FastifyRequest, reply: FastifyReply) => void): onRequestHookHandler {
  return (request, reply, done) => {
    done(refusedBy(() => check(request, reply)) ?? undefined);
  };
}
function refusedBy(check: () => void): Error | null {
  try {
    check();
    return null;
  } catch (error) {
    return error as Error;
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  try {
    await app.listen({ host, port, backlog: maxListenBacklog });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw cause;
    const why = { EADDRINUSE: 'is taken', EACCES: 'needs rights', EADDRNOTAVAIL: 'is not on this machine' }[code];
    throw new FleetError('conflict', { detail: `${host}:${port} ${why}` }, { cause });
  }
  return (app.server.address() as { port: number }).port;
}

/** On loopback all callers have the same address. */
function onOneMachine(limits: DoorLimits): DoorLimits {
  const together = ({ total }: CrowdLimits) => ({ perAddress: total, perSubnet: total, total });
  return { ...limits, strangers: together(limits.strangers), begun: together(limits.strangers) };
}

function addRoute(app: FastifyInstance, context: ApiContext, listener: 'loopback' | 'tls', name: RouteName): void {
  const row: RouteRow = routes[name];
  const handle = handlers[name] as Handler<RouteName>;
  app.route({
    method: row.method,
    url: row.path,
    config: { row },
    bodyLimit: bodyBytesOf(row),
    schema: {
      ...(row.params ? { params: row.params } : {}),
      ...(row.query ? { querystring: row.query } : {}),
      ...(row.body ? { body: row.body } : {}),
    },
    async handler(request, reply) {
      const { params, query, body } = request;
      if (row.created) reply.code(201);
      const call = { context, params, query, body, by: principalOf(request), listener, request, reply };
      const answer = await handle(call as unknown as Call<RouteName>);
      if (answer === answered) return reply;
      if (answer === undefined) return reply.code(204).send();
      return reply.type('application/json; charset=utf-8').send(JSON.stringify(answer));
    },
    ...(name in webSockets ? { wsHandler: webSockets[name as keyof typeof webSockets](context) } : {}),
  });
}

type OpenSocket = (context: ApiContext) => (socket: WebSocket, request: FastifyRequest) => void;
const webSockets = {
  consoleFeed: (context) => (socket, request) => {
    const token = request.headers.authorization === undefined ? sessionToken(request) : null;
    context.feed.open(socket, () => context.access.stillIn(principalOf(request), token));
  },
  nodeChannel: (context) => (socket, request) =>
    context.coordinator.requestWays.channels.open(request.node as string, socket, request.ip),
} satisfies Partial<Record<RouteName, OpenSocket>>;
